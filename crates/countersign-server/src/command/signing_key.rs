//! `countersign signing-key …`.

use std::process::ExitCode;

use countersign::time::Timestamp;
use countersign_store::{SigningKeyRecord, Store};
use serde::Serialize;

use super::arguments::{IssuerArgument, RotateSigningKey, SigningKey};
use super::output::{self, Output};
use super::{caller, open};
use crate::config::Config;
use crate::failure::Failure;
use crate::issuer;

#[derive(Serialize)]
struct Shown<'a> {
    kid: &'a str,
    algorithm: &'static str,
    state: &'static str,
    #[serde(serialize_with = "output::moment")]
    created_at: Timestamp,
    #[serde(serialize_with = "output::moment")]
    activates_at: Timestamp,
    #[serde(serialize_with = "output::maybe")]
    revoked_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct Listed<'a> {
    signing_keys: Vec<Shown<'a>>,
}

pub(super) async fn run(
    config: &Config,
    command: SigningKey,
    output: Output,
) -> Result<ExitCode, Failure> {
    let store = open(config).await?;
    match command {
        SigningKey::List { of } => {
            issuer::ensure(&of.issuer, config, &store).await?;
            list(&store.list_signing_keys(&of.issuer).await?, output)?;
        }
        SigningKey::Rotate(rotate) => {
            let made = self::rotate(config, &store, &rotate).await?;
            show(&made, output)?;
        }
        SigningKey::Revoke { kid, of } => {
            issuer::ensure(&of.issuer, config, &store).await?;
            let revoked = store
                .revoke_signing_key(&caller(), &of.issuer, &kid)
                .await?;
            show(&revoked, output)?;
        }
    }
    store.close().await?;
    Ok(ExitCode::SUCCESS)
}

async fn rotate(
    config: &Config,
    store: &Store,
    RotateSigningKey {
        algorithm,
        lead,
        of: IssuerArgument { issuer },
    }: &RotateSigningKey,
) -> Result<SigningKeyRecord, Failure> {
    issuer::ensure(issuer, config, store).await?;
    let configured = config.issuer(issuer).and_then(|found| found.algorithm);
    // Whoever starts after the new key has begun to sign would refuse to, and nobody would be there to see.
    if let (Some(wanted), Some(configured)) = (*algorithm, configured)
        && wanted != configured
    {
        return Err(Failure::new(format!(
            "`algorithm` in [issuer.{issuer}] is {configured}, and no server that reads it could start with a key \
             for {wanted}: take that line out first, then rotate"
        )));
    }
    let algorithm = algorithm.or(configured);
    let made = store
        .rotate_signing_key(&caller(), issuer, algorithm, *lead)
        .await?;
    Ok(made)
}

fn list(keys: &[SigningKeyRecord], output: Output) -> Result<(), Failure> {
    let signing_keys: Vec<_> = keys.iter().map(Shown::from).collect();
    let text = match &*signing_keys {
        [] => "there is no signing key yet: `countersign serve` makes the first".to_owned(),
        keys => output::rows(
            [
                "KID",
                "STATE",
                "ALGORITHM",
                "CREATED",
                "SIGNS FROM",
                "REVOKED",
            ],
            keys.iter().map(|key| {
                [
                    key.kid.to_owned(),
                    key.state.to_owned(),
                    key.algorithm.to_owned(),
                    output::rfc3339(key.created_at),
                    output::rfc3339(key.activates_at),
                    key.revoked_at.map(output::rfc3339).unwrap_or_default(),
                ]
            }),
        ),
    };
    output.print(&Listed { signing_keys }, &text)
}

fn show(key: &SigningKeyRecord, output: Output) -> Result<(), Failure> {
    let shown = Shown::from(key);
    let mut lines = vec![
        ("kid", shown.kid.to_owned()),
        ("state", shown.state.to_owned()),
        ("algorithm", shown.algorithm.to_owned()),
        ("created", output::rfc3339(shown.created_at)),
        ("signs from", output::rfc3339(shown.activates_at)),
    ];
    if let Some(moment) = shown.revoked_at {
        lines.push(("revoked", output::rfc3339(moment)));
    }
    output.print(&shown, &output::table(&lines))
}

impl<'a> From<&'a SigningKeyRecord> for Shown<'a> {
    fn from(key: &'a SigningKeyRecord) -> Self {
        Self {
            kid: &key.kid,
            algorithm: key.algorithm.as_str(),
            state: key.state.as_str(),
            created_at: key.created_at,
            activates_at: key.activates_at,
            revoked_at: key.revoked_at,
        }
    }
}
