//! `countersign key …`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use countersign::directory::{CredentialKind, Networks};
use countersign::registry::{Change, NewKey, Page};
use countersign::time::{Clock as _, SystemClock};
use countersign::{Id, Scopes};
use serde_json::json;

use super::arguments::days;
use super::credential::{COLUMNS, ChangeCommand, CredentialArg, FIELDS, ListArgs, PlacementArgs};
use super::report::{Report, fields};
use super::subject::Subject;
use super::{CommandResult, Context, file_entry, import};
use crate::config::value::{DAY, SECOND, duration, name, network};
use crate::error::CommandError;
use crate::ops::{CreatedKeyResponse, Operations, OpsError, rotation};

const CREATED_FIELDS: &str = "id key secret scopes expires_at";

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Create an API key, and print it; it cannot be printed again
    Create(CreateKeyArgs),
    /// Import API keys of other systems by SHA-256 or HMAC-SHA256 digests of the whole keys, and users by the Argon2id or bcrypt hashes
    /// of their passwords; credentials that are present already are left as they are
    Import {
        /// A file with one JSON object on each line, as `countersign key digest` prints it
        file: PathBuf,
        /// A file with the key of `hmac_sha256`, with which the other system computed HMAC-SHA256 over its API keys
        #[arg(long, value_name = "FILE")]
        hmac_key: Option<PathBuf>,
    },
    /// Generate an API key, and print it with the line that imports it, and with its entry in the credentials file of a program;
    /// no database is needed
    Digest(DigestArgs),
    /// List API keys
    List(ListArgs),
    /// Show an API key
    Show(CredentialArg<Id>),
    #[command(flatten)]
    Change(ChangeCommand<Id>),
    /// Replace the scopes of an API key; if any is removed, tokens from before become invalid
    Scopes {
        #[command(flatten)]
        key: CredentialArg<Id>,
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
    name: String,
    /// The scopes of the key, separated by spaces, such as "calls:read wallet:*"
    #[arg(long)]
    scopes: Scopes,
    /// The time after which the key expires, such as 90d [default: never]
    #[arg(long, value_name = "DURATION", value_parser = duration(SECOND..=36_500 * DAY))]
    expires_in: Option<Duration>,
    /// A network from which the key can be used, such as 192.0.2.0/24; can be repeated [default: any]
    #[arg(long, value_name = "CIDR", value_parser = network)]
    allow_from: Vec<Box<str>>,
    #[command(flatten)]
    placement: PlacementArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RotateKeyArgs {
    #[command(flatten)]
    key: CredentialArg<Id>,
    /// The time for which the old secret stays valid beside the new one; 0s for none [default: 24h]
    #[arg(long, value_name = "DURATION", value_parser = days(366), conflicts_with = "compromised")]
    grace: Option<Duration>,
    /// Invalidate the old secret and every token minted from the key now, because the secret has leaked
    #[arg(long)]
    compromised: bool,
    /// Keep the managed tokens that the key created; the tokens that were minted from it end all the same
    #[arg(long, requires = "compromised")]
    keep_tokens: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DigestArgs {
    /// A name for people to recognize the key by
    #[arg(long, value_parser = name)]
    pub(super) name: String,
    /// The scopes of the key, separated by spaces
    #[arg(long)]
    pub(super) scopes: Scopes,
    /// Generate a key with an id, for a credentials file only: its id and secret also serve as user name and password
    #[arg(long)]
    pub(super) with_id: bool,
}

pub(super) async fn run(context: &Context, command: KeyCommand) -> CommandResult {
    let (id, change) = match command {
        // Needs no database.
        KeyCommand::Digest(arguments) if arguments.with_id => {
            return file_entry::key_with_id(&arguments);
        }
        KeyCommand::Digest(arguments) => return import::digest(&arguments),
        KeyCommand::Import { file, hmac_key } => {
            return import::run(context, &file, hmac_key.as_deref()).await;
        }
        KeyCommand::Create(new) => return create(context.operations().await?, new).await,
        KeyCommand::Rotate(rotate) => {
            let rotation = rotation(rotate.compromised, rotate.keep_tokens, rotate.grace);
            let rotated = context
                .operations()
                .await?
                .rotate_key(rotate.key.name, rotation);
            return report_created(&rotated.await.map_err(error)?);
        }
        KeyCommand::List(list) => {
            let operations = context.operations().await?;
            let creator = list.creator(operations).await?;
            let keys = operations.list_keys(creator, Page::all()).await?.keys;
            let none = match creator {
                None => {
                    "there is no key: `countersign key create --name NAME --scopes SCOPES` creates one"
                }
                Some(_) => "the credential has created no key",
            };
            return Report::of_table(&json!({ "keys": keys }), &keys, COLUMNS, none);
        }
        KeyCommand::Show(CredentialArg { name: id }) => {
            let operations = context.operations().await?;
            let key = operations.show_credential(CredentialKind::Key, id).await;
            return Report::of_fields(&key.map_err(error)?, FIELDS);
        }
        KeyCommand::Change(change) => change.into_change(),
        KeyCommand::Scopes { key, scopes } => (key.name, Change::Scopes(scopes)),
    };
    let operations = context.operations().await?;
    let changed = operations.change_credential(CredentialKind::Key, id, change);
    Report::of_fields(&changed.await.map_err(error)?, FIELDS)
}

fn error(error: OpsError) -> CommandError {
    Subject::Key.error(error)
}

async fn create(operations: &Operations, new: CreateKeyArgs) -> CommandResult {
    let networks = Networks::from_list(new.allow_from.iter().map(|network| &**network))
        .map_err(|error| CommandError::new(format!("--allow-from: {error}")))?;
    let mut key = NewKey::new(new.name, new.scopes)
        .owner(new.placement.owner())
        .allow_from(networks);
    let now = SystemClock.now();
    key.expires_at = new.expires_in.map(|lifetime| now.plus(lifetime));
    let created = operations.create_key(key, &new.placement.issuers).await;
    report_created(&created.map_err(|error| Subject::Owner.error(error))?)
}

fn report_created(key: &CreatedKeyResponse) -> CommandResult {
    let mut text = fields(key, CREATED_FIELDS)?;
    if let Some(until) = key.grace_until {
        text = format!("{text}\nold secret     works until {until}");
    }
    Ok(Report::new(key, text)?.with_note(
        "The key is shown only once. Send it in `x-api-key`, or send the id and secret as the user name and \
         password of Basic.",
    ))
}
