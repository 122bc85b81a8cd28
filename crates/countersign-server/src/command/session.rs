//! `countersign session …`.

use std::process::ExitCode;

use countersign::directory::CredentialKind;
use countersign::registry::{Caller, Record, Registry as _, RegistryError, Sessions as _};
use countersign::time::{Clock as _, SystemClock};
use countersign_store::Store;
use serde::Serialize;

use super::arguments::Session;
use super::output::{self, Output};
use super::{caller, open};
use crate::config::Config;
use crate::failure::{Failure, Subject};
use crate::sessions::{self, Shown};

#[derive(Serialize)]
struct Listed<'a> {
    sessions: Vec<Shown<'a>>,
}

/// What was ended.
#[derive(Serialize)]
struct Ended<'a> {
    credential_id: String,
    session: &'a str,
}

pub(super) async fn run(
    config: &Config,
    command: Session,
    output: Output,
) -> Result<ExitCode, Failure> {
    let store = open(config).await?;
    let caller = caller();
    match command {
        Session::List { credential } => {
            let owner = find(&store, &caller, &credential).await?;
            list(&store, &caller, &owner, output).await?;
        }
        Session::Revoke {
            credential,
            session,
        } => {
            let owner = find(&store, &caller, &credential).await?;
            let ended = sessions::end(&store, &caller, owner.id, &session).await;
            ended.map_err(|error| Subject::Session.failure(error))?;
            let text = "Its token is refused from now on; the next login gets another.";
            let ended = Ended {
                credential_id: owner.id.to_string(),
                session: &session,
            };
            output.print(&ended, text)?;
        }
    }
    store.close().await?;
    Ok(ExitCode::SUCCESS)
}

/// The key or user of this id, or the user of this name. A user's name may look like an id.
async fn find(store: &Store, caller: &Caller, credential: &str) -> Result<Record, Failure> {
    let mut found = Err(RegistryError::NotFound);
    if let Ok(id) = credential.parse() {
        found = store.show(caller, id).await;
    }
    if let (Err(RegistryError::NotFound), Ok(name)) = (&found, credential.parse()) {
        found = store.find_user(caller, name).await;
    }
    match found {
        Ok(record) if record.kind != CredentialKind::Token => Ok(record),
        Ok(_) => Err(Subject::Credential.failure(RegistryError::NotFound)),
        Err(error) => Err(Subject::Credential.failure(error)),
    }
}

async fn list(
    store: &Store,
    caller: &Caller,
    owner: &Record,
    output: Output,
) -> Result<(), Failure> {
    let now = SystemClock.now();
    let found = store.list_sessions(caller, owner.id, now).await?;
    let sessions: Vec<_> = found.iter().map(Shown::from).collect();
    let text = match &*sessions {
        [] => "there is no session of it whose token is valid".to_owned(),
        sessions => output::rows(
            ["ID", "NAME", "ISSUED", "EXPIRES", "ISSUER", "SCOPES"],
            sessions.iter().map(Shown::cells),
        ),
    };
    output.print(&Listed { sessions }, &text)
}
