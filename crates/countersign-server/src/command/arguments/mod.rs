//! The command line's form.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use countersign::directory::UserName;
use countersign::{Id, Scopes};

use crate::config::value;
use crate::logging::Format;

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
    /// Make, list, show and revoke API keys
    #[command(subcommand)]
    Key(Key),
    /// Make, list and revoke users
    #[command(subcommand)]
    User(User),
    /// Look at tokens
    #[command(subcommand)]
    Token(Token),
    /// Look at the configuration
    #[command(subcommand)]
    Config(Config),
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
    /// Revoke one for good, and every token minted from it
    Revoke {
        /// The key's id
        id: Id,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateKey {
    /// What people call it
    #[arg(long, value_parser = name)]
    pub(crate) name: String,
    /// What it may do: scopes separated by spaces, such as "calls:read wallet:*"
    #[arg(long)]
    pub(crate) scopes: Scopes,
    /// When it stops working, such as 90d [default: never]
    #[arg(long, value_name = "DURATION", value_parser = lifetime)]
    pub(crate) expires_in: Option<Duration>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Make a user; the password comes from a prompt, or from the first line of standard input
    Create(CreateUser),
    /// List all users
    List,
    /// Revoke one for good
    Revoke {
        /// The name that the user signs in with
        name: UserName,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateUser {
    /// The name that the user signs in with
    pub(crate) name: UserName,
    /// What the user may do: scopes separated by spaces
    #[arg(long)]
    pub(crate) scopes: Scopes,
    /// Make a password, and show it this once
    #[arg(long)]
    pub(crate) generate: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Say whether the server would refuse a token, and why; exit 0 if it would accept it, else 1
    Inspect {
        /// The token; better given on standard input, where no other process can read it
        token: Option<SecretArgument>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Report every mistake at once, each with its line
    Check,
}

/// An argument that is not printed.
#[derive(Clone, Debug)]
pub(crate) struct SecretArgument(pub(crate) countersign::Secret);

impl std::str::FromStr for SecretArgument {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(countersign::Secret::from(text.to_owned())))
    }
}

fn name(text: &str) -> Result<String, String> {
    let fits = (1..=128).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits {
        Ok(text.to_owned())
    } else {
        Err("expected 1 to 128 characters, none of them a control character".to_owned())
    }
}

fn lifetime(text: &str) -> Result<Duration, String> {
    let duration = value::duration(text)?;
    if duration.is_zero() {
        return Err("a key that has expired already is of no use".to_owned());
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn refused(arguments: &[&str]) -> bool {
        let name = std::iter::once(&"countersign");
        Arguments::try_parse_from(name.chain(arguments)).is_err()
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn no_command_is_serve_with_its_defaults() {
        let arguments = Arguments::try_parse_from(["countersign"]).unwrap();
        assert!(arguments.command.is_none() && !arguments.global.json);
    }

    #[test]
    fn global_flags_are_taken_after_the_command_too() {
        let line = [
            "countersign",
            "key",
            "list",
            "--json",
            "--database",
            "sqlite://a.db",
        ];
        let arguments = Arguments::try_parse_from(line).unwrap();
        assert!(arguments.global.json);
        assert_eq!(arguments.global.database.as_deref(), Some("sqlite://a.db"));
    }

    #[test]
    fn help_is_a_command_and_promises_tokens_for_keys_alone() {
        for line in [&["help"][..], &["help", "key"], &["key", "help", "create"]] {
            let name = std::iter::once(&"countersign");
            let help = Arguments::try_parse_from(name.chain(line)).unwrap_err();
            assert_eq!(help.kind(), clap::error::ErrorKind::DisplayHelp, "{line:?}");
        }
        let help = Arguments::command().render_long_help().to_string();
        assert!(help.contains("tokens from keys"), "{help}");
    }

    #[test]
    fn what_is_not_built_yet_is_refused() {
        for line in [
            &["doctor"][..],
            &["key", "rotate", "013xrzp12g3nqk8n7f8f9jbg8d18q7tm"],
            &[
                "key",
                "create",
                "--name",
                "a",
                "--scopes",
                "a",
                "--allow-from",
                "::1/128",
            ],
            &["user", "passwd", "ada"],
            &["serve", "--tls"],
        ] {
            assert!(refused(line), "{line:?}");
        }
    }

    #[test]
    fn bad_values_are_refused() {
        for line in [
            &["key", "show", "no-id"][..],
            &["key", "create", "--name", "a"],
            &["key", "create", "--scopes", "a"],
            &["key", "create", "--name", "", "--scopes", "a"],
            &["key", "create", "--name", "a\nb", "--scopes", "a"],
            &["key", "create", "--name", "a", "--scopes", "a::b"],
            &[
                "key",
                "create",
                "--name",
                "a",
                "--scopes",
                "a",
                "--expires-in",
                "0d",
            ],
            &[
                "key",
                "create",
                "--name",
                "a",
                "--scopes",
                "a",
                "--expires-in",
                "soon",
            ],
            &["user", "create", "two words", "--scopes", "a"],
            &["serve", "--listen", "8080"],
            &["--database", "postgres://db"],
            &["--log-format", "xml"],
        ] {
            assert!(refused(line), "{line:?}");
        }
    }
}
