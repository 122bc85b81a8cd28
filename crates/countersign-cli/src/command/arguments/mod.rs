//! The commands of `countersign` and their arguments.

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use countersign::directory::Issuers;
use http::Uri;

use super::audit::AuditCommand;
use super::backup::{BackupArgs, RestoreArgs};
use super::created::CredentialCommand;
use super::key::KeyCommand;
use super::managed_token::ManagedTokenCommand;
use super::node::NodeCommand;
use super::server_secrets::{MasterKeyCommand, PepperCommand};
use super::session::SessionCommand;
use super::signing_key::SigningKeyCommand;
use super::store::StoreCommand;
use super::tenants::{AccountCommand, EnvironmentCommand};
use super::token::TokenCommand;
use super::user::UserCommand;
use crate::config::LogFormat;
use crate::config::value::{self, DAY, duration};

/// Create API keys and users, mint short-lived tokens from keys, and authenticate requests. Without a command,
/// `serve` is run
#[derive(Debug, Parser)]
#[command(name = "countersign", version)]
pub struct Arguments {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// The arguments of every command. They win over the environment, which wins over the file.
#[derive(Debug, Args)]
pub(crate) struct GlobalArgs {
    /// The configuration file [default: countersign.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The URL of the database [default: sqlite://countersign.db]
    #[arg(long, global = true, value_name = "URL", value_parser = value::store_url)]
    pub(crate) database: Option<String>,
    /// Print one JSON object instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Do not wait until every running server has applied a change
    #[arg(long, global = true)]
    pub(crate) no_wait: bool,
    /// The format of logs [default: text on a terminal, else json]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve HTTP
    Serve(ServeArgs),
    /// Create, change and revoke API keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// List, change and revoke managed tokens
    #[command(subcommand)]
    ManagedToken(ManagedTokenCommand),
    /// Create, change and revoke users
    #[command(subcommand)]
    User(UserCommand),
    /// List and revoke what a key or user created, for example after it was compromised
    #[command(subcommand)]
    Credential(CredentialCommand),
    /// Create, list and revoke accounts, which cannot access the data of each other
    #[command(subcommand)]
    Account(AccountCommand),
    /// Create and list environments, the parts of an account
    #[command(subcommand)]
    Environment(EnvironmentCommand),
    /// List and revoke the sessions of keys and users
    #[command(subcommand)]
    Session(SessionCommand),
    /// List, rotate and revoke the keys that sign tokens
    #[command(subcommand)]
    SigningKey(SigningKeyCommand),
    /// Rotate the pepper, the secret that digests of API keys are computed with
    #[command(subcommand)]
    Pepper(PepperCommand),
    /// Rotate the master key, which encrypts the secrets in the database
    #[command(subcommand)]
    MasterKey(MasterKeyCommand),
    /// Inspect tokens, and revoke single ones
    #[command(subcommand)]
    Token(TokenCommand),
    /// List the running servers, and remove those that have died
    #[command(subcommand)]
    Node(NodeCommand),
    /// Verify and list the audit log
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Copy the database into a file; servers can keep running
    Backup(BackupArgs),
    /// Replace the database with a backup; no server may run
    Restore(RestoreArgs),
    /// Prepare a PostgreSQL database, and copy databases
    #[command(subcommand)]
    Store(StoreCommand),
    /// Check the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Check the store, the clock and the keys; exit 1 if something is wrong
    Doctor,
    /// Ask a running server whether it is ready; exit 1 if it is not, or does not answer within 5 seconds
    Healthcheck {
        /// The URL to ask [default: /readyz at `management_listen`, or else at `listen`]
        url: Option<Uri>,
    },
    /// Print the manual page, for `man -l -`
    Manpage,
    /// Print the completions of commands for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

impl Command {
    /// Returns whether the command changes what servers decide, so that it waits for them.
    pub(super) const fn is_change(&self) -> bool {
        match self {
            Self::Key(command) => !matches!(
                command,
                KeyCommand::List(_) | KeyCommand::Show(_) | KeyCommand::Digest(_)
            ),
            Self::ManagedToken(command) => !matches!(
                command,
                ManagedTokenCommand::List(_) | ManagedTokenCommand::Show(_)
            ),
            Self::User(command) => !matches!(command, UserCommand::List(_) | UserCommand::Hash(_)),
            Self::Credential(command) => matches!(command, CredentialCommand::Revoke { .. }),
            Self::Account(command) => matches!(
                command,
                AccountCommand::Create { .. } | AccountCommand::Revoke { .. }
            ),
            Self::Session(command) => matches!(command, SessionCommand::Revoke { .. }),
            Self::SigningKey(command) => matches!(
                command,
                SigningKeyCommand::Rotate { .. } | SigningKeyCommand::Revoke { .. }
            ),
            Self::Pepper(_) => true,
            Self::Token(command) => matches!(command, TokenCommand::Revoke { .. }),
            // Servers need no change to find environments and the master key.
            _ => false,
        }
    }
}

#[derive(Debug, Default, Args)]
pub struct ServeArgs {
    /// The address and port to listen on; the system chooses a port for 0 [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR", value_parser = value::listen)]
    pub listen: Option<SocketAddr>,
    /// If there is no credential yet, create an API key with scope `*` and print it, even if standard output is not
    /// a terminal
    #[arg(long)]
    pub print_first_key: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Report all errors in the configuration at once, each with its line
    Check,
}

/// Parses the name of an issuer, which need not exist.
pub(super) fn issuer(text: &str) -> Result<String, String> {
    match Issuers::named([text]) {
        Ok(_) => Ok(text.to_owned()),
        Err(invalid) => Err(invalid.to_string()),
    }
}

/// Parses a duration of at most `most` days.
pub(super) fn days(most: u32) -> impl Fn(&str) -> Result<Duration, String> + Clone {
    duration(Duration::ZERO..=most * DAY)
}
