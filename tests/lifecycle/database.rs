//! The kind of database that the variable `COUNTERSIGN_TEST_STORE` names: `sqlite`, the default, or `postgres`.

use std::fs;
use std::path::Path;

use countersign::Secret;
use countersign_store::{MasterKey, StoreOptions};

use crate::harness;

pub(crate) fn is_postgres() -> bool {
    std::env::var("COUNTERSIGN_TEST_STORE").is_ok_and(|kind| kind == "postgres")
}

/// Returns the options of the store in a folder, which has a file with the URL of its database in PostgreSQL.
pub(crate) fn options(folder: &Path) -> StoreOptions {
    if !is_postgres() {
        return StoreOptions::new(format!("sqlite://{}", folder.join("x.db").display()));
    }
    let file = folder.join("url");
    let url = fs::read_to_string(&file).unwrap_or_else(|_| {
        let url = countersign_test_postgres::new_database();
        fs::write(&file, &url).unwrap();
        url
    });
    let mut options = StoreOptions::new(url);
    options.master_key = MasterKey::Text(Secret::from(harness::MASTER_KEY.to_owned()));
    options
}
