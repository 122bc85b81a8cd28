use std::time::Duration;

use clap::{Args, Subcommand};
use countersign::directory::UserName;
use countersign::registry::Owner;
use countersign::{Id, Scopes};

use super::{days, issuer};
use crate::config::value::{DAY, SECOND, duration, name, network, reason};

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Create an API key, and print it; it cannot be printed again
    Create(CreateKeyArgs),
    /// List all API keys
    List,
    /// Show an API key
    Show {
        /// The key's id
        id: Id,
    },
    /// Suspend an API key: it and every token minted from it are rejected until it is activated
    Suspend {
        /// The key's id
        id: Id,
    },
    /// Activate a suspended API key; tokens from before stay invalid
    Activate {
        /// The key's id
        id: Id,
    },
    /// Revoke an API key for good, and every token minted from it
    Revoke {
        /// The key's id
        id: Id,
        /// The reason, for the audit log
        #[arg(long, value_parser = reason)]
        reason: Option<String>,
    },
    /// Delete a revoked API key; its tokens stay invalid
    Delete {
        /// The key's id
        id: Id,
    },
    /// Replace the scopes of an API key; if any is removed, tokens from before become invalid
    Scopes {
        /// The key's id
        id: Id,
        /// The new scopes, separated by spaces
        scopes: Scopes,
    },
    /// Replace the secret of an API key, and print the new one; the id stays the same
    Rotate(RotateKeyArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CreateKeyArgs {
    /// A name for people to recognize the key by
    #[arg(long, value_parser = name)]
    pub(crate) name: String,
    /// The scopes of the key, separated by spaces, such as "calls:read wallet:*"
    #[arg(long)]
    pub(crate) scopes: Scopes,
    #[command(flatten)]
    pub(crate) owner: OwnerArgs,
    /// The time after which the key expires, such as 90d [default: never]
    #[arg(long, value_name = "DURATION", value_parser = duration(SECOND..=36_500 * DAY))]
    pub(crate) expires_in: Option<Duration>,
    /// A network from which the key can be used, such as 192.0.2.0/24; can be repeated [default: any]
    #[arg(long, value_name = "CIDR", value_parser = network)]
    pub(crate) allow_from: Vec<Box<str>>,
    #[command(flatten)]
    pub(crate) bound: IssuersArgs,
}

/// The issuers at which a new credential can be used.
#[derive(Debug, Args)]
pub(crate) struct IssuersArgs {
    /// An issuer at which the credential can be used; can be repeated [default: all, also later ones]
    #[arg(long = "issuer", value_name = "NAME", value_parser = issuer)]
    pub(crate) issuers: Vec<String>,
}

/// The owner of a new credential.
#[derive(Debug, Args)]
pub(crate) struct OwnerArgs {
    /// The account of the credential [default: the account `default`]
    #[arg(long, value_name = "ID")]
    account: Option<Id>,
    /// The environment of the credential, within its account [default: `production` in the account
    /// `default`, none in other accounts]
    #[arg(long, value_name = "ID")]
    environment: Option<Id>,
}

impl From<OwnerArgs> for Owner {
    fn from(owner: OwnerArgs) -> Self {
        Self {
            account: owner.account,
            environment: owner.environment,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct RotateKeyArgs {
    /// The key's id
    pub(crate) id: Id,
    /// The time for which the old secret stays valid beside the new one; 0s for none [default: 24h]
    #[arg(long, value_name = "DURATION", value_parser = days(366), conflicts_with = "compromised")]
    pub(crate) grace: Option<Duration>,
    /// Invalidate the old secret and every token minted from the key now, because the secret has leaked
    #[arg(long)]
    pub(crate) compromised: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Create a user, with a password from a prompt or the first line of standard input
    Create(CreateUserArgs),
    /// Replace the password of a user, from a prompt or the first line of standard input; tokens from before
    /// become invalid
    Passwd {
        /// The user's name
        name: UserName,
        /// Generate a password, and print it; it cannot be printed again
        #[arg(long)]
        generate: bool,
    },
    /// List all users
    List,
    /// Suspend a user: the password and every token minted from it are rejected until the user is activated
    Suspend {
        /// The user's name
        name: UserName,
    },
    /// Activate a suspended user; tokens from before stay invalid
    Activate {
        /// The user's name
        name: UserName,
    },
    /// Revoke a user for good; the name stays taken
    Revoke {
        /// The user's name
        name: UserName,
        /// The reason, for the audit log
        #[arg(long, value_parser = reason)]
        reason: Option<String>,
    },
    /// Delete a revoked user; the name can be used again
    Delete {
        /// The user's name
        name: UserName,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateUserArgs {
    /// The user's name
    pub(crate) name: UserName,
    /// The scopes of the user, separated by spaces
    #[arg(long)]
    pub(crate) scopes: Scopes,
    #[command(flatten)]
    pub(crate) owner: OwnerArgs,
    #[command(flatten)]
    pub(crate) bound: IssuersArgs,
    /// Generate a password, and print it; it cannot be printed again
    #[arg(long)]
    pub(crate) generate: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// List the sessions of a key or user, without those whose token has expired
    List {
        /// The id of the key or user, or the user's name
        credential: String,
    },
    /// Revoke a session: its token is rejected, and the next login gets another
    Revoke {
        /// The id of the key or user, or the user's name
        credential: String,
        /// The session's id, or the name that the client gave it
        // The client chose the name, which may begin with a hyphen.
        #[arg(allow_hyphen_values = true)]
        session: String,
    },
}
