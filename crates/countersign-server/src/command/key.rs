//! `countersign key …`.

use std::process::ExitCode;

use countersign::Id;
use countersign::directory::{CredentialKind, Networks};
use countersign::registry::{Change, NewKey};
use countersign::time::{Clock as _, SystemClock};

use serde_json::json;

use super::arguments::{CreateKeyArgs, KeyCommand};
use super::credential::{COLUMNS, FIELDS};
use super::output::{Output, fields};
use super::subject::Subject;
use crate::error::CommandError;
use crate::ops::{CreatedKeyResponse, Operations, rotation};

const CREATED_FIELDS: &str = "id key secret scopes expires_at";

pub(super) async fn run(
    operations: &Operations,
    command: KeyCommand,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let (id, change) = match command {
        KeyCommand::Create(new) => return create(operations, new, output).await,
        KeyCommand::Rotate(rotate) => {
            let rotation = rotation(rotate.compromised, rotate.grace);
            let rotated = operations.rotate_key(rotate.id, rotation).await;
            return print_created(&rotated.map_err(error)?, output);
        }
        KeyCommand::List => {
            let list = operations.list_keys(None, u32::MAX).await?;
            let none =
                "there is no key: `countersign key create --name NAME --scopes SCOPES` creates one";
            return output.print_table(&json!({ "keys": list.keys }), &list.keys, COLUMNS, none);
        }
        KeyCommand::Show { id } => {
            let key = operations.show_credential(CredentialKind::Key, id).await;
            let key = key.map_err(error)?;
            return output.print_fields(&key, FIELDS);
        }
        KeyCommand::Suspend { id } => (id, Change::Suspend),
        KeyCommand::Activate { id } => (id, Change::Activate),
        KeyCommand::Revoke { id, reason } => (id, Change::Revoke { reason }),
        KeyCommand::Delete { id } => (id, Change::Delete),
        KeyCommand::Scopes { id, scopes } => (id, Change::Scopes(scopes)),
    };
    change_key(operations, id, change, output).await
}

async fn create(
    operations: &Operations,
    new: CreateKeyArgs,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let networks = Networks::from_list(new.allow_from.iter().map(|network| &**network))
        .map_err(|error| CommandError::new(format!("--allow-from: {error}")))?;
    let mut key = NewKey::new(new.name, new.scopes)
        .owner(new.owner.into())
        .allow_from(networks);
    let now = SystemClock.now();
    key.expires_at = new.expires_in.map(|lifetime| now.plus(lifetime));
    let created = operations.create_key(key, &new.bound.issuers).await;
    print_created(
        &created.map_err(|error| Subject::Owner.error(error))?,
        output,
    )
}

async fn change_key(
    operations: &Operations,
    id: Id,
    change: Change,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let changed = operations.change_credential(CredentialKind::Key, id, change);
    let key = changed.await.map_err(error)?;
    output.print_fields(&key, FIELDS)
}

fn error(error: crate::ops::OpsError) -> CommandError {
    Subject::Key.error(error)
}

fn print_created(key: &CreatedKeyResponse, output: Output) -> Result<ExitCode, CommandError> {
    let mut lines = fields(key, CREATED_FIELDS)?;
    if let Some(until) = key.grace_until {
        lines = format!("{lines}\nold secret     works until {until}");
    }
    let text = format!(
        "{lines}\n\nThe key is shown only once. Send it in `x-api-key`, or send the id and secret as the user name and \
         password of Basic."
    );
    output.print(key, &text)
}
