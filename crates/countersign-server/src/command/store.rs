//! `countersign store …`.

use clap::Subcommand;
use countersign_store::Store;
use serde_json::json;

use super::report::Report;
use super::{CommandResult, Context};
use crate::config::value;

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
}

pub(super) async fn run(context: &Context, command: StoreCommand) -> CommandResult {
    match command {
        StoreCommand::Migrate => migrate(context).await,
        StoreCommand::Copy { to } => copy(context, to).await,
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
