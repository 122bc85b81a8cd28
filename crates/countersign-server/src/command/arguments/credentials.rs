use std::time::Duration;

use clap::{Args, Subcommand};
use countersign::directory::UserName;
use countersign::registry::Owner;
use countersign::{Id, Scopes};

use super::{grace, issuer, lifetime, name, reason};
use crate::config::value;

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make an API key; it is shown this once
    Create(CreateKey),
    /// List all API keys
    List,
    /// Show one
    Show {
        /// The key's id
        id: Id,
    },
    /// Refuse one, and every token minted from it, until it is activated again
    Suspend {
        /// The key's id
        id: Id,
    },
    /// Accept a suspended one again; tokens from before stay dead
    Activate {
        /// The key's id
        id: Id,
    },
    /// Revoke one for good, and every token minted from it
    Revoke {
        /// The key's id
        id: Id,
        /// Why, for the record
        #[arg(long, value_parser = reason)]
        reason: Option<String>,
    },
    /// Forget a revoked one; its tokens stay dead
    Delete {
        /// The key's id
        id: Id,
    },
    /// Change what one may do; if it may do less, every token minted before is dead
    Scopes {
        /// The key's id
        id: Id,
        /// What it may do from now on: scopes separated by spaces
        scopes: Scopes,
    },
    /// Give one a new secret, which is shown this once; its id stays
    Rotate(RotateKey),
}

#[derive(Debug, Args)]
pub(crate) struct CreateKey {
    /// What people call it
    #[arg(long, value_parser = name)]
    pub(crate) name: String,
    /// What it may do: scopes separated by spaces, such as "calls:read wallet:*"
    #[arg(long)]
    pub(crate) scopes: Scopes,
    #[command(flatten)]
    pub(crate) owner: Owned,
    /// When it stops working, such as 90d [default: never]
    #[arg(long, value_name = "DURATION", value_parser = lifetime)]
    pub(crate) expires_in: Option<Duration>,
    /// A network that it may be presented from, such as 192.0.2.0/24; may be repeated [default: anywhere]
    #[arg(long, value_name = "CIDR", value_parser = value::network)]
    pub(crate) allow_from: Vec<Box<str>>,
    #[command(flatten)]
    pub(crate) bound: Bound,
}

/// Where a new credential may be used.
#[derive(Debug, Args)]
pub(crate) struct Bound {
    /// An issuer that it may use; may be repeated [default: all, also those that will be]
    #[arg(long = "issuer", value_name = "NAME", value_parser = issuer)]
    pub(crate) issuers: Vec<String>,
}

/// Whose a new credential is.
#[derive(Debug, Args)]
pub(crate) struct Owned {
    /// The account that it belongs to [default: the default account]
    #[arg(long, value_name = "ID")]
    account: Option<Id>,
    /// The environment of that account that it belongs to [default: the default account's own, else none]
    #[arg(long, value_name = "ID")]
    environment: Option<Id>,
}

impl From<Owned> for Owner {
    fn from(owned: Owned) -> Self {
        Self {
            account: owned.account,
            environment: owned.environment,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct RotateKey {
    /// The key's id
    pub(crate) id: Id,
    /// How long the old secret works beside the new one; 0s ends it now [default: 24h]
    #[arg(long, value_name = "DURATION", value_parser = grace, conflicts_with = "compromised")]
    pub(crate) grace: Option<Duration>,
    /// Somebody else has the old secret: it, and every token minted from the key, is dead now
    #[arg(long)]
    pub(crate) compromised: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Make a user; the password comes from a prompt, or from the first line of standard input
    Create(CreateUser),
    /// Give a user another password, which comes the same way; every token from before is dead
    Passwd {
        /// The name that the user signs in with
        name: UserName,
        /// Make a password, and show it this once
        #[arg(long)]
        generate: bool,
    },
    /// List all users
    List,
    /// Refuse one, and every token minted from it, until it is activated again
    Suspend {
        /// The name that the user signs in with
        name: UserName,
    },
    /// Accept a suspended one again; tokens from before stay dead
    Activate {
        /// The name that the user signs in with
        name: UserName,
    },
    /// Revoke one for good; the name stays taken
    Revoke {
        /// The name that the user signs in with
        name: UserName,
        /// Why, for the record
        #[arg(long, value_parser = reason)]
        reason: Option<String>,
    },
    /// Forget a revoked one; the name is free again
    Delete {
        /// The name that the user signs in with
        name: UserName,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Session {
    /// List the sessions of a key or user whose tokens have not expired
    List {
        /// The id of the key or user, or the user's name
        credential: String,
    },
    /// End one: its token is refused from now on, and the next login gets another
    Revoke {
        /// The id of the key or user, or the user's name
        credential: String,
        /// The session's id, or the name that the client gave it
        // The client chose it, and it may begin with a hyphen.
        #[arg(allow_hyphen_values = true)]
        session: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateUser {
    /// The name that the user signs in with
    pub(crate) name: UserName,
    /// What the user may do: scopes separated by spaces
    #[arg(long)]
    pub(crate) scopes: Scopes,
    #[command(flatten)]
    pub(crate) owner: Owned,
    #[command(flatten)]
    pub(crate) bound: Bound,
    /// Make a password, and show it this once
    #[arg(long)]
    pub(crate) generate: bool,
}
