//! `countersign store …`.

use clap::Subcommand;
use countersign_store::Store;
use serde_json::json;

use super::report::Report;
use super::{CommandResult, Context};

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Create the tables of a PostgreSQL database, or bring them up to date, as a role that may do so; the role of the
    /// servers need not
    Migrate,
}

pub(super) async fn migrate(context: &Context) -> CommandResult {
    Store::migrate(&context.store_options()).await?;
    Report::new(
        &json!({ "migrated": true }),
        "The tables are up to date. If the servers use another role, let it use them: `GRANT SELECT, INSERT, UPDATE, \
         DELETE ON ALL TABLES IN SCHEMA public TO role`.",
    )
}
