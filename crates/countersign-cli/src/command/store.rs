//! `countersign store …`.

use clap::Subcommand;
use countersign::time::Timestamp;
use countersign_store::Store;
use serde_json::json;

use super::report::Report;
use super::{CommandResult, Context};
use crate::config::value;
use crate::schema::Rfc3339;

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Create the tables of a PostgreSQL database, or bring them up to date, as a role that may do so; the role of the
    /// servers need not
    Migrate,
    /// Copy the database into a new one, such as from SQLite to PostgreSQL; no server may run. Then let the servers use
    /// the new one, with the same master key
    Copy {
        /// The URL of the new database, which must be empty
        #[arg(value_name = "URL", value_parser = value::store_url)]
        to: String,
    },
    /// Begin a new history after the tools of PostgreSQL have restored a backup, before servers use the database: what was
    /// revoked after the backup must not become valid again
    Restored {
        /// Accept that changes since this time, such as 2026-03-15T12:00:00Z, are lost, and leave credentials as they
        /// are; without this, all credentials are suspended
        #[arg(long, value_name = "TIME", value_parser = Timestamp::parse_rfc3339)]
        accept_loss_since: Option<Timestamp>,
    },
}

pub(super) async fn run(context: &Context, command: StoreCommand) -> CommandResult {
    match command {
        StoreCommand::Migrate => migrate(context).await,
        StoreCommand::Copy { to } => copy(context, to).await,
        StoreCommand::Restored { accept_loss_since } => {
            begin_history(context, accept_loss_since).await
        }
    }
}

async fn migrate(context: &Context) -> CommandResult {
    Store::migrate(&context.store_options()).await?;
    Report::new(
        &json!({ "migrated": true }),
        "The tables are up to date. If the servers use another role, let it use them: `GRANT SELECT, INSERT, UPDATE, \
         DELETE ON ALL TABLES IN SCHEMA public TO role`.",
    )
}

async fn copy(context: &Context, to: String) -> CommandResult {
    let from = context.store_options();
    let mut target = from.clone();
    target.url = to;
    let rows = Store::copy(&from, &target).await?;
    let text = format!(
        "Copied {rows} rows, and verified the audit log. Set `url` in [store] to the new database, keep the master key, \
         and do not use the old database any more: what is revoked in one is not revoked in the other."
    );
    Report::new(&json!({ "rows": rows }), text)
}

async fn begin_history(context: &Context, accepted: Option<Timestamp>) -> CommandResult {
    let operations = context.operations().await?;
    let (store, caller) = (operations.store(), operations.caller());
    let restored = store.begin_history(caller, accepted).await?;
    let at = Rfc3339::from(restored.backup.taken_at);
    let suspended = restored.suspended;
    let credentials = match accepted {
        Some(_) => "Credentials are as they were then: revoke again those that were revoked later."
            .to_owned(),
        None => format!(
            "{suspended} active credentials were suspended, since any of them may have been revoked later: run \
             `countersign key activate ID` and `countersign user activate NAME` for each that was not."
        ),
    };
    let text = format!(
        "The last change in the database is of {at}. Every signing key was replaced: earlier tokens are rejected.\n{credentials}"
    );
    let response =
        json!({ "taken_at": at, "change": restored.backup.change, "suspended": suspended });
    Report::new(&response, text)
}
