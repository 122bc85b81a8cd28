//! `countersign account …` and `countersign environment …`.

use clap::{Args, Subcommand, ValueEnum};
use countersign::Id;
use countersign::directory::EnvironmentKind;
use countersign::registry::{NewEnvironment, Page};
use serde_json::json;

use super::report::Report;
use super::subject::Subject;
use super::{CommandResult, Context};
use crate::config::value::name;

const ACCOUNT_FIELDS: &str = "id name status generation created_at";
const ACCOUNT_COLUMNS: &str = "id status created_at name";
const ENVIRONMENT_FIELDS: &str = "id name kind account_id created_at";
const ENVIRONMENT_COLUMNS: &str = "id kind account_id created_at name";

#[derive(Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// Create an account
    Create {
        /// A name for people to recognize the account by
        #[arg(value_parser = name)]
        name: String,
    },
    /// List all accounts
    List,
    /// Show an account
    Show {
        /// The account's id
        id: Id,
    },
    /// Revoke an account for good, with all its credentials and their tokens
    Revoke {
        /// The account's id
        id: Id,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum EnvironmentCommand {
    /// Create an environment
    Create(CreateEnvironmentArgs),
    /// List environments
    List {
        /// List those of this account only
        #[arg(long, value_name = "ID")]
        account: Option<Id>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateEnvironmentArgs {
    /// A name for people to recognize the environment by
    #[arg(value_parser = name)]
    name: String,
    /// The account of the environment [default: the account `default`]
    #[arg(long, value_name = "ID")]
    account: Option<Id>,
    /// The kind of the environment
    #[arg(long, default_value = "production")]
    kind: KindArg,
}

/// An [`EnvironmentKind`] on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum KindArg {
    /// An environment for tests
    Sandbox,
    /// An environment for production
    Production,
}

pub(super) async fn run_account(context: &Context, command: AccountCommand) -> CommandResult {
    let operations = context.operations().await?;
    let account = match command {
        AccountCommand::List => {
            let accounts = operations.list_accounts(Page::all()).await?.accounts;
            let none = "there is no account";
            let list = json!({ "accounts": accounts });
            return Report::of_table(&list, &accounts, ACCOUNT_COLUMNS, none);
        }
        AccountCommand::Create { name } => operations.create_account(name).await,
        AccountCommand::Show { id } => operations.show_account(id).await,
        AccountCommand::Revoke { id } => operations.revoke_account(id).await,
    };
    let account = account.map_err(|error| Subject::Account.error(error))?;
    Report::of_fields(&account, ACCOUNT_FIELDS)
}

pub(super) async fn run_environment(
    context: &Context,
    command: EnvironmentCommand,
) -> CommandResult {
    let operations = context.operations().await?;
    match command {
        EnvironmentCommand::Create(new) => {
            let kind = match new.kind {
                KindArg::Sandbox => EnvironmentKind::Sandbox,
                KindArg::Production => EnvironmentKind::Production,
            };
            let mut environment = NewEnvironment::new(new.name, kind);
            environment.account = new.account;
            let created = operations.create_environment(environment).await;
            let created = created.map_err(|error| Subject::Environment.error(error))?;
            Report::of_fields(&created, ENVIRONMENT_FIELDS)
        }
        EnvironmentCommand::List { account } => {
            let page = operations.list_environments(account, Page::all()).await;
            let page = page.map_err(|error| Subject::Account.error(error))?;
            let environments = page.environments;
            let list = json!({ "environments": environments });
            let none = "the account has no environment: `countersign environment create NAME --account ID` creates one";
            Report::of_table(&list, &environments, ENVIRONMENT_COLUMNS, none)
        }
    }
}
