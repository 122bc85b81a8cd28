use std::convert::Infallible;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Subcommand};
use countersign::Secret;
use countersign::jose::Algorithm;

use super::{days, issuer};
use crate::config::{DEFAULT_ISSUER, value};

#[derive(Debug, Subcommand)]
pub(crate) enum SigningKeyCommand {
    /// List all signing keys of an issuer, newest first
    List {
        #[command(flatten)]
        of: IssuerArg,
    },
    /// Create a signing key that replaces the present one after a while; tokens from before stay valid
    Rotate(RotateSigningKeyArgs),
    /// Revoke a signing key in an emergency: its tokens are rejected, and the next key signs from now on
    Revoke {
        /// The key's id, which is `kid` in the header of its tokens
        // One in 64 begins with a hyphen.
        #[arg(allow_hyphen_values = true)]
        kid: String,
        #[command(flatten)]
        of: IssuerArg,
    },
}

#[derive(Debug, Args)]
pub(crate) struct IssuerArg {
    /// The issuer of the signing keys
    #[arg(long, value_name = "NAME", value_parser = issuer, default_value = DEFAULT_ISSUER)]
    pub(crate) issuer: String,
}

#[derive(Debug, Args)]
pub(crate) struct RotateSigningKeyArgs {
    /// The algorithm of the new key, such as ES256 [default: as configured, else that of the present key]
    #[arg(long, value_parser = value::algorithm)]
    pub(crate) algorithm: Option<Algorithm>,
    /// Publish the new key for this long before it signs; use more than 300 s, the time for which verifiers cache
    /// the key set
    #[arg(long, value_name = "DURATION", value_parser = days(90), default_value = "10m")]
    pub(crate) lead: Duration,
    #[command(flatten)]
    pub(crate) of: IssuerArg,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PepperCommand {
    /// Create a new pepper for the digests of API keys; the digest of an existing key is replaced when the key is
    /// used next
    Rotate,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MasterKeyCommand {
    /// Replace the master key in its file, and encrypt all secrets with the new one; backups from before need the
    /// old one. A key in COUNTERSIGN_MASTER_KEY is replaced by the one on standard input
    Rotate,
}

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
pub(crate) struct SecretArg(pub(crate) Secret);

impl FromStr for SecretArg {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(Secret::from(text.to_owned())))
    }
}
