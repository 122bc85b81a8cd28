//! Accounts and environments.

use countersign::Id;
use countersign::directory::EnvironmentKind;
use countersign::registry::{Account, Environment, Page};

use super::rows::{blob, environment_kind, id, optional_blob, status, time, unsigned};
use super::{Connection, Row};
use crate::error::Result;

pub(crate) async fn find(db: &mut Connection, id: &Id) -> Result<Option<Account>> {
    let query = "SELECT id, name, status, generation, created_at FROM accounts WHERE id = $1";
    Ok(fetch_optional!(db, read_account, query, blob(id)))
}

/// Returns a page of all accounts, oldest first.
pub(crate) async fn list(db: &mut Connection, page: Page) -> Result<Vec<Account>> {
    Ok(fetch_all!(
        db,
        read_account,
        "SELECT id, name, status, generation, created_at FROM accounts WHERE id > $1 ORDER BY id LIMIT $2",
        // Every id comes after the empty one.
        optional_blob(page.after.as_ref()).unwrap_or_default(),
        page.limit,
    ))
}

/// Returns whether it was inserted: another account may have the name.
pub(crate) async fn insert(db: &mut Connection, account: &Account) -> Result<bool> {
    Ok(execute!(
        db,
        "INSERT INTO accounts (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
        blob(&account.id),
        &account.name,
        account.created_at.unix_millis(),
    ) > 0)
}

pub(crate) async fn update(db: &mut Connection, account: &Account) -> Result<()> {
    execute!(
        db,
        "UPDATE accounts SET generation = $1, status = $2 WHERE id = $3",
        account.generation,
        account.status.as_str(),
        blob(&account.id),
    );
    Ok(())
}

/// Returns the kind of an environment, if the account has an environment of this id.
pub(crate) async fn find_environment_kind(
    db: &mut Connection,
    account: &Id,
    id: &Id,
) -> Result<Option<EnvironmentKind>> {
    Ok(fetch_optional!(
        db,
        |row| environment_kind(row, "kind"),
        "SELECT kind FROM environments WHERE id = $1 AND account_id = $2",
        blob(id),
        blob(account),
    ))
}

const ENVIRONMENTS: &str = "SELECT id, account_id, name, kind, created_at FROM environments
    WHERE id > $1 ORDER BY id LIMIT $2";
const ENVIRONMENTS_OF_ACCOUNT: &str =
    "SELECT id, account_id, name, kind, created_at FROM environments
    WHERE account_id = $3 AND id > $1 ORDER BY id LIMIT $2";

/// Returns a page of the environments of an account or of all, oldest first.
pub(crate) async fn list_environments(
    db: &mut Connection,
    account: Option<&Id>,
    page: Page,
) -> Result<Vec<Environment>> {
    let query = match account {
        Some(_) => ENVIRONMENTS_OF_ACCOUNT,
        None => ENVIRONMENTS,
    };
    Ok(fetch_all!(
        db,
        read_environment,
        query,
        optional_blob(page.after.as_ref()).unwrap_or_default(),
        page.limit,
        optional_blob(account),
    ))
}

const HAS_ENVIRONMENTS: &str =
    "SELECT EXISTS (SELECT 1 FROM environments WHERE account_id = $1 LIMIT 1 OFFSET $2 - 1)";

/// Returns whether an account has at least this many environments.
pub(crate) async fn has_environments(
    db: &mut Connection,
    account: &Id,
    count: u32,
) -> Result<bool> {
    Ok(fetch_scalar!(db, HAS_ENVIRONMENTS, blob(account), count))
}

/// Returns whether it was inserted: another environment of the account may have the name.
pub(crate) async fn insert_environment(
    db: &mut Connection,
    environment: &Environment,
) -> Result<bool> {
    Ok(execute!(
        db,
        "INSERT INTO environments (id, account_id, name, kind, created_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (account_id, name) DO NOTHING",
        blob(&environment.id),
        blob(&environment.account_id),
        &environment.name,
        environment.kind.as_str(),
        environment.created_at.unix_millis(),
    ) > 0)
}

/// Returns the account and the environment of new credentials that name no owner.
pub(crate) async fn default_owner(db: &mut Connection) -> Result<(Id, Id)> {
    let row = fetch_one!(db, "SELECT account_id, environment_id FROM state");
    Ok((id(&row, "account_id")?, id(&row, "environment_id")?))
}

/// Inserts the facts about a new database.
pub(crate) async fn insert_state(
    db: &mut Connection,
    (account, environment): (&Id, &Id),
    epoch: &Id,
) -> Result<()> {
    execute!(
        db,
        "INSERT INTO state (one, account_id, environment_id, epoch) VALUES (1, $1, $2, $3)",
        blob(account),
        blob(environment),
        blob(epoch),
    );
    Ok(())
}

fn read_account(row: &Row) -> Result<Account> {
    let created_at = time(row, "created_at")?;
    let mut account = Account::new(id(row, "id")?, row.try_get("name")?, created_at);
    account.status = status(row)?;
    account.generation = unsigned(row, "generation")?;
    Ok(account)
}

fn read_environment(row: &Row) -> Result<Environment> {
    Ok(Environment::new(
        id(row, "id")?,
        id(row, "account_id")?,
        row.try_get("name")?,
        environment_kind(row, "kind")?,
        time(row, "created_at")?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::sqlite::{memory, plan};

    #[tokio::test]
    async fn no_query_of_one_account_reads_the_environments_of_others() {
        let mut db = memory().await;
        for query in [ENVIRONMENTS_OF_ACCOUNT, HAS_ENVIRONMENTS] {
            let plan = plan(&mut db, query).await;
            assert!(plan.contains("(account_id=?"), "{plan}");
            for costly in ["SCAN environments", "TEMP B-TREE"] {
                assert!(!plan.contains(costly), "{plan}");
            }
        }
    }
}
