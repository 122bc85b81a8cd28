//! `countersign account …`.

use std::process::ExitCode;

use countersign::Id;
use countersign::directory::Status;
use countersign::registry;
use countersign::registry::Registry as _;
use countersign::time::Timestamp;
use serde::Serialize;

use super::arguments::Account;
use super::output::{self, Output};
use super::{caller, open};
use crate::config::Config;
use crate::failure::{Failure, Subject};

#[derive(Serialize)]
struct Shown<'a> {
    id: Id,
    name: &'a str,
    status: Status,
    generation: u32,
    #[serde(serialize_with = "output::moment")]
    created_at: Timestamp,
}

#[derive(Serialize)]
struct Listed<'a> {
    accounts: Vec<Shown<'a>>,
}

pub(super) async fn run(
    config: &Config,
    command: Account,
    output: Output,
) -> Result<ExitCode, Failure> {
    let store = open(config).await?;
    let caller = caller();
    let one = match command {
        Account::Create { name } => store.create_account(&caller, name).await,
        Account::Show { id } => store.show_account(&caller, id).await,
        Account::Revoke { id } => store.revoke_account(&caller, id).await,
        Account::List => {
            let accounts = store.list_accounts(&caller).await?;
            list(&accounts, output)?;
            store.close().await?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let account = one.map_err(|error| Subject::Account.failure(error))?;
    store.close().await?;
    let shown = Shown::from(&account);
    output.print(&shown, &shown.text())?;
    Ok(ExitCode::SUCCESS)
}

fn list(accounts: &[registry::Account], output: Output) -> Result<(), Failure> {
    let accounts: Vec<_> = accounts.iter().map(Shown::from).collect();
    let text = output::rows(
        ["ID", "STATUS", "CREATED", "NAME"],
        accounts.iter().map(|account| {
            [
                account.id.to_string(),
                account.status.as_str().to_owned(),
                output::rfc3339(account.created_at),
                account.name.to_owned(),
            ]
        }),
    );
    output.print(&Listed { accounts }, &text)
}

impl<'a> From<&'a registry::Account> for Shown<'a> {
    fn from(account: &'a registry::Account) -> Self {
        Self {
            id: account.id,
            name: &account.name,
            status: account.status,
            generation: account.generation,
            created_at: account.created_at,
        }
    }
}

impl Shown<'_> {
    fn text(&self) -> String {
        output::table(&[
            ("id", self.id.to_string()),
            ("name", self.name.to_owned()),
            ("status", self.status.as_str().to_owned()),
            ("generation", self.generation.to_string()),
            ("created", output::rfc3339(self.created_at)),
        ])
    }
}
