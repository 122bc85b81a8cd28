//! `countersign token …`.

mod explanation;
mod inspect;

use std::process::ExitCode;

use countersign::Secret;
use countersign_store::ViewContents;
use serde::Deserialize;

use super::arguments::{SecretArg, TokenCommand};
use super::output::{Output, fields};
use super::{stdin, with_view};
use crate::config::{Config, DEFAULT_ISSUER, IssuerSettings};
use crate::error::CommandError;
use crate::issuer::{ConfiguredIssuer, known_url};
use crate::ops::{Operations, TokenVerifier, decode_part};

pub(super) use explanation::explanation;

const FIELDS: &str = "issuer jti expires_at";
/// The most that is read from standard input: longer than any token.
const MAX_INPUT: u64 = 64 * 1024;

pub(super) async fn run(
    config: Config,
    command: &TokenCommand,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let (TokenCommand::Inspect { token: argument } | TokenCommand::Revoke { token: argument }) =
        command;
    let token = match argument {
        Some(SecretArg(token)) => token.clone(),
        None => stdin::read_secret(MAX_INPUT, "token")?,
    };
    let contents = match command {
        TokenCommand::Inspect { .. } => ViewContents::Everything,
        TokenCommand::Revoke { .. } => ViewContents::Nothing,
    };
    with_view(
        config,
        contents,
        async |operations: &Operations| match command {
            TokenCommand::Inspect { .. } => inspect::run(operations, &token, output).await,
            TokenCommand::Revoke { .. } => revoke(operations, &token, output).await,
        },
    )
    .await
}

async fn revoke(
    operations: &Operations,
    token: &Secret,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let issuer = issuer_of(token, operations).await?;
    let verifier = TokenVerifier::new([issuer.trusted_without_directory()?]);
    let revoked = operations.revoke_token(&verifier, token).await?;
    let text = fields(&revoked, FIELDS)?;
    let text = format!("{text}\n\nThe token is rejected from now on.");
    output.print(&revoked, &text)
}

/// The claim that names a token's issuer.
#[derive(Deserialize)]
struct IssuerClaim {
    iss: String,
}

/// Returns the issuer that the token names, if it is configured, else the default issuer, which rejects the token.
async fn issuer_of(
    token: &Secret,
    operations: &Operations,
) -> Result<ConfiguredIssuer, CommandError> {
    let config = operations.config();
    let claim = decode_part(token, 1);
    let claim = claim.and_then(|claims| serde_json::from_value::<IssuerClaim>(claims).ok());
    let named = claim.and_then(|IssuerClaim { iss }| {
        let named = |issuer: &&IssuerSettings| issuer.url.as_ref() == Some(&iss);
        config.issuers.iter().find(named)
    });
    let settings = named.or_else(|| config.issuer(DEFAULT_ISSUER));
    let settings = settings.ok_or_else(|| CommandError::new("no issuer is configured"))?;
    let url = known_url(settings, operations.store()).await?;
    ConfiguredIssuer::build(settings, operations.store(), &url).await
}
