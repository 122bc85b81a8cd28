//! Prints the tables of `crates/countersign-conformance/CONFORMANCE.md`.

use std::error::Error;

use conformance_comparison::middlewares;
use conformance_comparison::table::{Column, markdown};

/// The lock file, which has the versions.
const LOCK: &str = include_str!("../../../Cargo.lock");

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let columns = [
        ("countersign", middlewares::countersign().await?),
        (
            "tower-oauth2-resource-server",
            middlewares::tower_oauth2_resource_server().await?,
        ),
        ("jwt-authorizer", middlewares::jwt_authorizer().await?),
    ];
    let columns = columns.map(|(name, report)| Column {
        name: format!("{name} {}", version(name)),
        report,
    });
    print!("{}", markdown(&columns));
    Ok(())
}

fn version(package: &str) -> &'static str {
    let entry = format!("name = \"{package}\"\nversion = \"");
    let rest = LOCK.split_once(&entry).map(|(_, rest)| rest);
    let version = rest.and_then(|rest| rest.split('"').next());
    version.unwrap_or("unknown")
}
