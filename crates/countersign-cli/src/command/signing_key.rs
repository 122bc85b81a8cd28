//! `countersign signing-key …`.

use std::time::Duration;

use clap::{Args, Subcommand};
use countersign::jose::Algorithm;
use countersign_store::Store;

use super::arguments::{days, issuer};
use super::report::Report;
use super::{CommandResult, Context};
use crate::config::{DEFAULT_ISSUER, value};

const FIELDS: &str = "kid state algorithm created_at activates_at revoked_at";

#[derive(Debug, Subcommand)]
pub(crate) enum SigningKeyCommand {
    /// List all signing keys of an issuer or of the feed, newest first
    List(OwnerArgs),
    /// Create a signing key that replaces the present one after a while; tokens from before stay valid
    Rotate {
        /// The algorithm of the new key, such as ES256 [default: as configured, else that of the present key]
        #[arg(long, value_parser = value::algorithm, conflicts_with = "feed")]
        algorithm: Option<Algorithm>,
        /// Publish the new key for this long before it signs; use more than 300 s, the time for which verifiers
        /// cache the key set
        #[arg(long, value_name = "DURATION", value_parser = days(90), default_value = "10m")]
        lead: Duration,
        #[command(flatten)]
        of: OwnerArgs,
    },
    /// Print the public part of a signing key, for verifiers that read no JWK set, such as HAProxy
    Export {
        /// Print it in PEM
        #[arg(long, required = true)]
        pem: bool,
        /// The key's id, which is `kid` in the header of its tokens
        #[arg(allow_hyphen_values = true)]
        kid: String,
        #[command(flatten)]
        of: OwnerArgs,
    },
    /// Revoke a signing key in an emergency: its tokens are rejected, and the next key signs from now on
    Revoke {
        /// The key's id, which is `kid` in the header of its tokens
        // One in 64 begins with a hyphen.
        #[arg(allow_hyphen_values = true)]
        kid: String,
        #[command(flatten)]
        of: OwnerArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct OwnerArgs {
    /// The issuer of the signing keys
    #[arg(long, value_name = "NAME", value_parser = issuer, default_value = DEFAULT_ISSUER)]
    issuer: String,
    /// The keys that sign the feed, in place of those of an issuer
    #[arg(long, conflicts_with = "issuer")]
    feed: bool,
}

impl OwnerArgs {
    fn name(&self) -> &str {
        match self.feed {
            true => Store::FEED,
            false => &self.issuer,
        }
    }
}

pub(super) async fn run(context: &Context, command: SigningKeyCommand) -> CommandResult {
    let operations = context.operations().await?;
    let key = match command {
        SigningKeyCommand::List(of) => {
            let list = operations.list_signing_keys(of.name()).await?;
            let none = "there is no signing key yet: `countersign serve` creates the first one";
            return Report::of_table(&list, &list.signing_keys, FIELDS, none);
        }
        SigningKeyCommand::Rotate {
            algorithm,
            lead,
            of,
        } => {
            let rotated = operations.rotate_signing_key(of.name(), algorithm, lead);
            rotated.await?
        }
        SigningKeyCommand::Export { kid, of, .. } => {
            let exported = operations.export_signing_key(of.name(), &kid).await?;
            let text = exported.pem.trim_end().to_owned();
            return Report::new(&exported, text);
        }
        SigningKeyCommand::Revoke { kid, of } => {
            operations.revoke_signing_key(of.name(), &kid).await?
        }
    };
    Report::of_fields(&key, FIELDS)
}
