//! `countersign token …`.

mod explanation;
mod inspect;

use std::convert::Infallible;
use std::str::FromStr;

use clap::Subcommand;
use countersign::Secret;
use countersign_store::ViewContents;
use serde::Deserialize;

use super::report::Report;
use super::{CommandResult, Context, input};
use crate::config::{DEFAULT_ISSUER, IssuerSettings};
use crate::error::CommandError;
use crate::issuer::{ConfiguredIssuer, known_url};
use crate::ops::{Operations, TokenVerifier, decode_part};

pub(super) use explanation::explanation;

const FIELDS: &str = "issuer jti expires_at";
/// The most that is read from standard input: longer than any token.
const MAX_INPUT: u64 = 64 * 1024;

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Check whether the server would accept a token, and explain why not; exit 0 if it would, else 1
    Inspect {
        /// The token, which other processes can see in the list of processes [default: read from standard input]
        token: Option<SecretArg>,
    },
    /// Revoke one token, and no other that was minted from the same credential
    Revoke {
        /// The token, which other processes can see in the list of processes [default: read from standard input]
        token: Option<SecretArg>,
    },
}

/// An argument that `Debug` does not show.
#[derive(Clone, Debug)]
pub(crate) struct SecretArg(Secret);

impl FromStr for SecretArg {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(Secret::from(text.to_owned())))
    }
}

pub(super) async fn run(context: &Context, command: TokenCommand) -> CommandResult {
    let (TokenCommand::Inspect { token } | TokenCommand::Revoke { token }) = &command;
    let token = match token {
        Some(SecretArg(token)) => token.clone(),
        None => input::read_secret(MAX_INPUT, "token")?,
    };
    match command {
        TokenCommand::Inspect { .. } => {
            let operations = context.operations_over(ViewContents::Everything).await?;
            inspect::run(operations, &token).await
        }
        TokenCommand::Revoke { .. } => revoke(context.operations().await?, &token).await,
    }
}

async fn revoke(operations: &Operations, token: &Secret) -> CommandResult {
    let issuer = issuer_of(token, operations).await?;
    let verifier = TokenVerifier::new([issuer.trusted_without_directory()?]);
    let revoked = operations.revoke_token(&verifier, token).await?;
    Ok(Report::of_fields(&revoked, FIELDS)?.with_note("The token is rejected from now on."))
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
