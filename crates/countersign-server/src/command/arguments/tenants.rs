use clap::{Args, Subcommand, ValueEnum};
use countersign::Id;
use countersign::directory::EnvironmentKind;

use crate::config::value::name;

#[derive(Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// Create an account
    Create {
        /// A name for people to recognize the account by
        #[arg(value_parser = name)]
        name: String,
    },
    /// List all accounts
    List,
    /// Show an account
    Show {
        /// The account's id
        id: Id,
    },
    /// Revoke an account for good, with all its credentials and their tokens
    Revoke {
        /// The account's id
        id: Id,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum EnvironmentCommand {
    /// Create an environment
    Create(CreateEnvironmentArgs),
    /// List environments
    List {
        /// List those of this account only
        #[arg(long, value_name = "ID")]
        account: Option<Id>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateEnvironmentArgs {
    /// A name for people to recognize the environment by
    #[arg(value_parser = name)]
    pub(crate) name: String,
    /// The account of the environment [default: the account `default`]
    #[arg(long, value_name = "ID")]
    pub(crate) account: Option<Id>,
    /// The kind of the environment
    #[arg(long, default_value = "production")]
    pub(crate) kind: KindArg,
}

/// An [`EnvironmentKind`] on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum KindArg {
    /// An environment for tests
    Sandbox,
    /// An environment for production
    Production,
}

impl From<KindArg> for EnvironmentKind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Sandbox => Self::Sandbox,
            KindArg::Production => Self::Production,
        }
    }
}
