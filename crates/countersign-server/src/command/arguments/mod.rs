//! The command line's form.

mod credentials;
mod keeping;
mod server;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use countersign::directory::Issuers;

use crate::config::value;
use crate::logging::Format;

pub(crate) use credentials::{CreateKey, CreateUser, Key, Session, User};
pub(crate) use keeping::{Backup, MasterKey, Pepper, Restore};
pub(crate) use server::{Account, Audit, Environment, SecretArgument, SigningKey, Token};

/// Makes API keys and users, mints short-lived tokens from keys, and checks them all. Without a command:
/// serve.
#[derive(Debug, Parser)]
#[command(name = "countersign", version)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What every command takes. Flags win over the environment, the environment over the file.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The configuration file [default: countersign.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where the records are [default: sqlite://countersign.db]
    #[arg(long, global = true, value_name = "URL", value_parser = value::store_url)]
    pub(crate) database: Option<String>,
    /// Print one JSON object
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How logs are written [default: text on a terminal, else json]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub(crate) log_format: Option<Format>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve HTTP
    Serve(Serve),
    /// Make API keys, change them, and end them
    #[command(subcommand)]
    Key(Key),
    /// Make users, change them, and end them
    #[command(subcommand)]
    User(User),
    /// Make, list and revoke accounts: what belongs to one is out of every other's reach
    #[command(subcommand)]
    Account(Account),
    /// Make and list environments, the parts of an account
    #[command(subcommand)]
    Environment(Environment),
    /// List and end the sessions of keys and users
    #[command(subcommand)]
    Session(Session),
    /// List, rotate and revoke the keys that tokens are signed with
    #[command(subcommand)]
    SigningKey(SigningKey),
    /// Rotate the secret that what is kept of keys is made with
    #[command(subcommand)]
    Pepper(Pepper),
    /// Rotate the key that the database's secrets are sealed under
    #[command(subcommand)]
    MasterKey(MasterKey),
    /// Look at tokens, and revoke single ones
    #[command(subcommand)]
    Token(Token),
    /// Look at the record of who did what
    #[command(subcommand)]
    Audit(Audit),
    /// Copy the database into a file while servers run
    Backup(Backup),
    /// Put a backup in the place of the database, while no server runs
    Restore(Restore),
    /// Look at the configuration
    #[command(subcommand)]
    Config(Config),
    /// Say what is wrong with the store, the clock and the keys; exit 1 if something is
    Doctor,
    /// Print what a shell needs to complete commands
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Default, Args)]
pub(crate) struct Serve {
    /// Where to listen; port 0 takes any [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR", value_parser = value::listen)]
    pub(crate) listen: Option<SocketAddr>,
    /// If there is no credential yet, make an API key with scope `*` and print it, also where standard
    /// output is not a terminal
    #[arg(long)]
    pub(crate) print_first_key: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Report every mistake at once, each with its line
    Check,
}

/// What people call something.
fn name(text: &str) -> Result<String, String> {
    words(text, 128)
}

/// Why something was done.
fn reason(text: &str) -> Result<String, String> {
    words(text, 256)
}

/// It is printed again later, on terminals and in logs.
fn words(text: &str, longest: usize) -> Result<String, String> {
    if value::is_line(text, longest) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "expected 1 to {longest} characters, none of which controls how text is shown"
        ))
    }
}

/// An issuer's name; whether there is one of it is another question.
fn issuer(text: &str) -> Result<String, String> {
    match Issuers::named([text]) {
        Ok(_) => Ok(text.to_owned()),
        Err(invalid) => Err(invalid.to_string()),
    }
}

/// How long an old secret works beside the new one.
fn grace(text: &str) -> Result<Duration, String> {
    at_most(366, text)
}

/// How long a signing key is published before it signs.
fn lead(text: &str) -> Result<Duration, String> {
    at_most(90, text)
}

fn lifetime(text: &str) -> Result<Duration, String> {
    let duration = at_most(36_500, text)?;
    if duration.is_zero() {
        return Err("a key that has expired already is of no use".to_owned());
    }
    Ok(duration)
}

/// A duration of at most so many days.
fn at_most(days: u64, text: &str) -> Result<Duration, String> {
    let duration = value::duration(text)?;
    if duration > Duration::from_secs(days * 24 * 3600) {
        return Err(format!("out of range: expected at most {days}d"));
    }
    Ok(duration)
}
