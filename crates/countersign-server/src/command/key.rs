//! `countersign key …`.

use std::process::ExitCode;

use countersign::directory::{
    Caller, Change, CreatedKey, CredentialKind, Listing, NewKey, Record, Registry as _,
    RegistryError,
};
use countersign::time::{Clock as _, SystemClock, Timestamp};
use countersign::{Id, Scopes};
use countersign_store::Store;
use serde::Serialize;

use super::arguments::{CreateKey, Key};
use super::output::{self, Output, Shown};
use super::{caller, open};
use crate::config::Config;
use crate::failure::Failure;

/// A key that was just made. It is the one thing here that holds a secret, and is printed once.
#[derive(Serialize)]
struct Made<'a> {
    id: Id,
    key: &'a str,
    secret: &'a str,
    scopes: &'a Scopes,
    account_id: Id,
    environment_id: Option<Id>,
    #[serde(serialize_with = "output::maybe")]
    expires_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct Listed<'a> {
    keys: Vec<Shown<'a>>,
}

pub(super) async fn run(
    config: &Config,
    command: Key,
    output: Output,
) -> Result<ExitCode, Failure> {
    let store = open(config).await?;
    let caller = caller();
    match command {
        Key::Create(new) => {
            let now = SystemClock.now();
            let created = store.create_key(&caller, draft(new, now)).await?;
            show_made(&created, output)?;
        }
        Key::List => {
            let records = store
                .list(&caller, Listing::of(CredentialKind::Key))
                .await?;
            let keys: Vec<_> = records.iter().map(Shown::from).collect();
            let text = match &*keys {
                [] => "there is no key: `countersign key create --name NAME --scopes SCOPES` makes one"
                    .to_owned(),
                keys => output::rows(keys),
            };
            output.print(&Listed { keys }, &text)?;
        }
        Key::Show { id } => {
            let record = key(&store, &caller, id).await?;
            let shown = Shown::from(&record);
            output.print(&shown, &shown.text())?;
        }
        Key::Revoke { id } => {
            key(&store, &caller, id).await?;
            let change = Change::Revoke { reason: None };
            let record = store.change(&caller, id, change).await?;
            let shown = Shown::from(&record);
            output.print(&shown, &shown.text())?;
        }
    }
    store.close().await?;
    Ok(ExitCode::SUCCESS)
}

/// The key of this id. A user's id names no key, and is not acted upon.
async fn key(store: &Store, caller: &Caller, id: Id) -> Result<Record, RegistryError> {
    let record = store.show(caller, id).await?;
    match record.kind {
        CredentialKind::Key => Ok(record),
        _ => Err(RegistryError::NotFound),
    }
}

fn draft(new: CreateKey, now: Timestamp) -> NewKey {
    let mut key = NewKey::new(new.name, new.scopes);
    key.expires_at = new.expires_in.map(|lifetime| now.plus(lifetime));
    key
}

fn show_made(CreatedKey { record, issued }: &CreatedKey, output: Output) -> Result<(), Failure> {
    let made = Made {
        id: record.id,
        key: issued.key.expose(),
        secret: issued.secret.expose(),
        scopes: &record.scopes,
        account_id: record.account_id,
        environment_id: record.environment_id,
        expires_at: record.expires_at,
    };
    let lines = output::table(&[
        ("id", made.id.to_string()),
        ("key", made.key.to_owned()),
        ("secret", made.secret.to_owned()),
        ("scopes", made.scopes.to_string()),
        ("expires", output::until(made.expires_at)),
    ]);
    let text = format!(
        "{lines}\n\nThis is shown once. The key goes into `x-api-key`; id and secret are user and \
         password of Basic."
    );
    output.print(&made, &text)
}
