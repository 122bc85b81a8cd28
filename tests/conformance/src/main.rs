//! Prints the tables of `crates/countersign/CONFORMANCE.md`.

use std::error::Error;

use countersign_conformance::subjects;
use countersign_conformance::table::{Column, markdown};

/// The versions are those of the lock file.
const LOCK: &str = include_str!("../../../Cargo.lock");

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let columns = [
        ("countersign", subjects::countersign().await?),
        (
            "tower-oauth2-resource-server",
            subjects::tower_oauth2_resource_server().await?,
        ),
        ("jwt-authorizer", subjects::jwt_authorizer().await?),
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
