use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use countersign::directory::EnvironmentKind;
use countersign::jose::Algorithm;
use countersign::{Id, Secret};
use countersign_store::Checkpoint;

use super::{issuer, lead, name};
use crate::config::{DEFAULT_ISSUER, value};

#[derive(Debug, Subcommand)]
pub(crate) enum Account {
    /// Make an account
    Create {
        /// What people call it
        #[arg(value_parser = name)]
        name: String,
    },
    /// List all accounts
    List,
    /// Show one
    Show {
        /// The account's id
        id: Id,
    },
    /// Revoke one for good, every credential of it, and every token of those
    Revoke {
        /// The account's id
        id: Id,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Environment {
    /// Make an environment
    Create(CreateEnvironment),
    /// List environments
    List {
        /// Those of this account [default: of all]
        #[arg(long, value_name = "ID")]
        account: Option<Id>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateEnvironment {
    /// What people call it
    #[arg(value_parser = name)]
    pub(crate) name: String,
    /// The account that it is a part of [default: the default account]
    #[arg(long, value_name = "ID")]
    pub(crate) account: Option<Id>,
    /// What it is for
    #[arg(long, default_value = "production")]
    pub(crate) kind: Kind,
}

/// The same as the library's, which knows nothing of command lines.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Kind {
    /// Trying things out
    Sandbox,
    /// The real thing
    Production,
}

impl From<Kind> for EnvironmentKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Sandbox => Self::Sandbox,
            Kind::Production => Self::Production,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum SigningKey {
    /// List all of them, newest first
    List {
        #[command(flatten)]
        of: IssuerArgument,
    },
    /// Make a key that takes over in a while; what the present one signed stays valid
    Rotate(RotateSigningKey),
    /// In an emergency: nothing that the key signed is accepted any more, and the next key signs now
    Revoke {
        /// The key's id, `kid` in the header of its tokens
        // One in 64 begins with a hyphen.
        #[arg(allow_hyphen_values = true)]
        kid: String,
        #[command(flatten)]
        of: IssuerArgument,
    },
}

#[derive(Debug, Args)]
pub(crate) struct IssuerArgument {
    /// Whose they are
    #[arg(long, value_name = "NAME", value_parser = issuer, default_value = DEFAULT_ISSUER)]
    pub(crate) issuer: String,
}

#[derive(Debug, Args)]
pub(crate) struct RotateSigningKey {
    /// What it signs with, such as ES256 [default: as configured, else as the present one]
    #[arg(long, value_parser = value::algorithm)]
    pub(crate) algorithm: Option<Algorithm>,
    /// How long it is published before it signs. It must be longer than verifiers elsewhere keep the key set,
    /// or they refuse good tokens; the answer with the key set may be kept for 300 s
    #[arg(long, value_name = "DURATION", value_parser = lead, default_value = "10m")]
    pub(crate) lead: Duration,
    #[command(flatten)]
    pub(crate) of: IssuerArgument,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Say whether the server would refuse a token, and why; exit 0 if it would accept it, else 1
    Inspect {
        /// The token; better given on standard input, where no other process can read it
        token: Option<SecretArgument>,
    },
    /// Refuse one token from now on, and no other that was minted from the same credential
    Revoke {
        /// The token; better given on standard input, where no other process can read it
        token: Option<SecretArgument>,
    },
}

/// An argument that is not printed.
#[derive(Clone, Debug)]
pub(crate) struct SecretArgument(pub(crate) Secret);

impl std::str::FromStr for SecretArgument {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(Secret::from(text.to_owned())))
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Say whether every record is as it was written and none is missing; exit 1 if not
    Verify {
        /// What an earlier `audit verify` printed, kept elsewhere: finds also a log that was begun anew, or
        /// rolled back with the whole database
        #[arg(long, value_name = "N:MAC")]
        checkpoint: Option<Checkpoint>,
    },
    /// List the newest records, newest first
    List {
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
}
