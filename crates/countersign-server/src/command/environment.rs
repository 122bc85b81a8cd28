//! `countersign environment …`.

use std::process::ExitCode;

use countersign::Id;
use countersign::directory::EnvironmentKind;
use countersign::registry;
use countersign::registry::{NewEnvironment, Registry as _};
use countersign::time::Timestamp;
use serde::Serialize;

use super::arguments::Environment;
use super::output::{self, Output};
use super::{caller, open};
use crate::config::Config;
use crate::failure::{Failure, Subject};

#[derive(Serialize)]
struct Shown<'a> {
    id: Id,
    account_id: Id,
    name: &'a str,
    kind: EnvironmentKind,
    #[serde(serialize_with = "output::moment")]
    created_at: Timestamp,
}

#[derive(Serialize)]
struct Listed<'a> {
    environments: Vec<Shown<'a>>,
}

pub(super) async fn run(
    config: &Config,
    command: Environment,
    output: Output,
) -> Result<ExitCode, Failure> {
    let store = open(config).await?;
    let caller = caller();
    match command {
        Environment::Create(new) => {
            let new = NewEnvironment {
                account: new.account,
                name: new.name,
                kind: new.kind.into(),
            };
            let made = store.create_environment(&caller, new).await;
            let made = made.map_err(|error| Subject::Environment.failure(error))?;
            let shown = Shown::from(&made);
            output.print(&shown, &shown.text())?;
        }
        Environment::List { account } => {
            if let Some(id) = account {
                let known = store.show_account(&caller, id).await;
                // An account that is not there has no environments, which would look like an answer.
                known.map_err(|error| Subject::Account.failure(error))?;
            }
            let mut environments = store.list_environments(&caller).await?;
            environments.retain(|one| account.is_none_or(|account| one.account_id == account));
            list(&environments, output)?;
        }
    }
    store.close().await?;
    Ok(ExitCode::SUCCESS)
}

fn list(environments: &[registry::Environment], output: Output) -> Result<(), Failure> {
    let environments: Vec<_> = environments.iter().map(Shown::from).collect();
    let text = match &*environments {
        [] => "the account has no environment: `countersign environment create NAME --account ID` makes one"
            .to_owned(),
        environments => output::rows(
            ["ID", "KIND", "ACCOUNT", "CREATED", "NAME"],
            environments.iter().map(|environment| {
                [
                    environment.id.to_string(),
                    environment.kind.as_str().to_owned(),
                    environment.account_id.to_string(),
                    output::rfc3339(environment.created_at),
                    environment.name.to_owned(),
                ]
            }),
        ),
    };
    output.print(&Listed { environments }, &text)
}

impl<'a> From<&'a registry::Environment> for Shown<'a> {
    fn from(environment: &'a registry::Environment) -> Self {
        Self {
            id: environment.id,
            account_id: environment.account_id,
            name: &environment.name,
            kind: environment.kind,
            created_at: environment.created_at,
        }
    }
}

impl Shown<'_> {
    fn text(&self) -> String {
        output::table(&[
            ("id", self.id.to_string()),
            ("name", self.name.to_owned()),
            ("kind", self.kind.as_str().to_owned()),
            ("account", self.account_id.to_string()),
            ("created", output::rfc3339(self.created_at)),
        ])
    }
}
