//! `countersign key …`.

use std::process::ExitCode;
use std::time::Duration;

use countersign::directory::{CredentialKind, Issuers, Networks};
use countersign::registry::{
    Caller, Change, CreatedKey, CredentialFilter, NewKey, Record, Registry as _, RegistryError,
    Rotation,
};
use countersign::time::{Clock as _, SystemClock, Timestamp};
use countersign::{Id, Scopes};
use countersign_store::Store;
use serde::Serialize;

use super::arguments::{CreateKey, Key, RotateKey};
use super::output::{self, Output};
use super::shown::{self, Shown};
use super::{caller, open};
use crate::config::Config;
use crate::failure::{Failure, Subject};
use crate::issuer;

/// How long the old secret works after a rotation, unless told otherwise: a day to bring the new one to all
/// who use it.
const GRACE: Duration = Duration::from_secs(24 * 3600);

/// A key that was just made, or has a new secret. It is the one thing here that holds a secret, and is printed
/// once.
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
    let keys = Keys {
        store: &store,
        caller: caller(),
        output,
    };
    match command {
        Key::Create(new) => {
            let issuers = issuer::named(&new.bound.issuers, config, &store).await?;
            keys.create(new, issuers).await?;
        }
        Key::List => keys.list().await?,
        Key::Show { id } => output_one(&keys.find(id).await?, output)?,
        Key::Suspend { id } => keys.change(id, Change::Suspend).await?,
        Key::Activate { id } => keys.change(id, Change::Activate).await?,
        Key::Revoke { id, reason } => keys.change(id, Change::Revoke { reason }).await?,
        Key::Delete { id } => keys.change(id, Change::Delete).await?,
        Key::Scopes { id, scopes } => keys.change(id, Change::Scopes(scopes)).await?,
        Key::Rotate(rotate) => keys.rotate(&rotate).await?,
    }
    store.close().await?;
    Ok(ExitCode::SUCCESS)
}

struct Keys<'a> {
    store: &'a Store,
    caller: Caller,
    output: Output,
}

impl Keys<'_> {
    async fn create(&self, new: CreateKey, issuers: Issuers) -> Result<(), Failure> {
        let networks = Networks::from_list(new.allow_from.iter().map(|network| &**network))
            .map_err(|invalid| Failure::new(format!("--allow-from: {invalid}")))?;
        let mut key = NewKey::new(new.name, new.scopes)
            .owner(new.owner.into())
            .allow_from(networks)
            .issuers(issuers);
        let now = SystemClock.now();
        key.expires_at = new.expires_in.map(|lifetime| now.plus(lifetime));
        let created = self.store.create_key(&self.caller, key).await;
        let created = created.map_err(|error| Subject::Owner.failure(error))?;
        show_made(&created, self.output)
    }

    async fn list(&self) -> Result<(), Failure> {
        let listing = CredentialFilter::of(CredentialKind::Key);
        let records = self.store.list(&self.caller, listing).await?;
        let keys: Vec<_> = records.iter().map(Shown::from).collect();
        let text = match &*keys {
            [] => "there is no key: `countersign key create --name NAME --scopes SCOPES` makes one"
                .to_owned(),
            keys => shown::list(keys),
        };
        self.output.print(&Listed { keys }, &text)
    }

    async fn change(&self, id: Id, change: Change) -> Result<(), Failure> {
        self.find(id).await?;
        let record = self.store.change(&self.caller, id, change).await;
        let record = record.map_err(|error| Subject::Key.failure(error))?;
        output_one(&record, self.output)
    }

    async fn rotate(&self, rotate: &RotateKey) -> Result<(), Failure> {
        self.find(rotate.id).await?;
        let rotation = if rotate.compromised {
            Rotation::Compromised
        } else {
            Rotation::Grace(rotate.grace.unwrap_or(GRACE))
        };
        let rotated = self.store.rotate(&self.caller, rotate.id, rotation).await;
        let rotated = rotated.map_err(|error| Subject::Key.failure(error))?;
        show_made(&rotated, self.output)
    }

    /// The key of this id. A user's id names no key, and is not acted upon.
    async fn find(&self, id: Id) -> Result<Record, Failure> {
        let found = match self.store.show(&self.caller, id).await {
            Ok(record) if record.kind != CredentialKind::Key => Err(RegistryError::NotFound),
            found => found,
        };
        found.map_err(|error| Subject::Key.failure(error))
    }
}

fn output_one(record: &Record, output: Output) -> Result<(), Failure> {
    let shown = Shown::from(record);
    output.print(&shown, &shown.text())
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
    let mut lines = vec![
        ("id", made.id.to_string()),
        ("key", made.key.to_owned()),
        ("secret", made.secret.to_owned()),
        ("scopes", made.scopes.to_string()),
        ("expires", output::until(made.expires_at)),
    ];
    if let Some(moment) = record.grace_until {
        lines.push((
            "old secret",
            format!("works until {}", output::rfc3339(moment)),
        ));
    }
    let lines = output::table(&lines);
    let text = format!(
        "{lines}\n\nThis is shown once. The key goes into `x-api-key`; id and secret are user and \
         password of Basic."
    );
    output.print(&made, &text)
}
