//! What a database is brought to before anything else: its schema, and the initial set.

use countersign::Id;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Row as _};

use crate::audit;
use crate::error::StoreError;
use crate::ground::{Ground, make_pepper};
use crate::master_key::{self, Age};
use crate::master_key_rotation::Keeper;
use crate::options::StoreOptions;
use crate::record::read_id;
use crate::seal::Sealer;

const FIRST_PEPPER: u32 = 1;
/// The migration that makes the audit log.
const AUDIT: i64 = 2;

static MIGRATIONS: Migrator = sqlx::migrate!();

/// All in one transaction, which no other process can enter: two that start at once make one set,
/// and one that dies half way has made nothing but a master key for the next to find.
pub(crate) async fn prepare(
    connection: &mut SqliteConnection,
    database: &std::path::Path,
    options: &StoreOptions,
) -> Result<Ground, StoreError> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let age = age(&mut transaction).await?;
    let keeper = Keeper {
        source: &options.master_key,
        database,
        random: &*options.random,
    };
    let sealer = bring_up(&mut transaction, &keeper, age).await?;
    if age == Age::New {
        make_initial_set(&mut transaction, &sealer, options).await?;
    }
    let mark = sqlx::query("SELECT account_id, environment_id FROM initial_set")
        .fetch_optional(&mut *transaction)
        .await?
        .ok_or(StoreError::Foreign)?;
    let home = (
        read_id(mark.try_get("account_id")?)?,
        read_id(mark.try_get("environment_id")?)?,
    );
    let database = database.to_owned();
    let ground = Ground::new(&mut transaction, database, sealer, home, options).await?;
    transaction.commit().await?;
    Ok(ground)
}

/// Brings a database to the schema of this version; what its secrets are sealed under, if the master key is the one.
pub(crate) async fn bring_up(
    connection: &mut SqliteConnection,
    keeper: &Keeper<'_>,
    age: Age,
) -> Result<Sealer, StoreError> {
    let sealer = master_key::find(keeper.source, keeper.database, age, keeper.random)?;
    let has_audit = has_audit(&mut *connection, age).await?;
    MIGRATIONS
        .run_direct(None, &mut *connection, false)
        .await
        .map_err(|error| match error {
            MigrateError::VersionMissing(version) => StoreError::NewerSchema { version },
            error => StoreError::Database(error.into()),
        })?;
    if !has_audit {
        audit::begin(&mut *connection, &sealer, keeper.random).await?;
    }
    keeper.settle(connection, sealer).await
}

/// Whether there is an audit log already, whatever became of it.
async fn has_audit(connection: &mut SqliteConnection, age: Age) -> Result<bool, StoreError> {
    if age == Age::New {
        return Ok(false);
    }
    let query = "SELECT EXISTS (SELECT 1 FROM _sqlx_migrations WHERE version = ?)";
    let has_audit = sqlx::query_scalar(query).bind(AUDIT).fetch_one(connection);
    Ok(has_audit.await?)
}

/// A database is new while it has no table: a file without one holds nothing that a key could open.
pub(crate) async fn age(connection: &mut SqliteConnection) -> Result<Age, StoreError> {
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema")
        .fetch_one(&mut *connection)
        .await?;
    if tables == 0 {
        return Ok(Age::New);
    }
    let ours: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE name = 'initial_set'")
            .fetch_one(connection)
            .await?;
    if ours == 0 {
        Err(StoreError::Foreign)
    } else {
        Ok(Age::Existing)
    }
}

async fn make_initial_set(
    connection: &mut SqliteConnection,
    sealer: &Sealer,
    options: &StoreOptions,
) -> Result<(), StoreError> {
    let (now, random) = (options.clock.now(), &*options.random);
    let account = Id::new_account(now, random)?;
    let environment = Id::new(now, &account, random)?;
    let issuer = Id::new(now, &account, random)?;
    let now = now.unix_millis();
    sqlx::query("INSERT INTO accounts (id, name, created_at) VALUES (?, 'default', ?)")
        .bind(account.as_bytes().as_slice())
        .bind(now)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO environments (id, account_id, name, kind, created_at)
         VALUES (?, ?, 'production', 'production', ?)",
    )
    .bind(environment.as_bytes().as_slice())
    .bind(account.as_bytes().as_slice())
    .bind(now)
    .execute(&mut *connection)
    .await?;
    sqlx::query("INSERT INTO issuers (id, name, created_at) VALUES (?, 'default', ?)")
        .bind(issuer.as_bytes().as_slice())
        .bind(now)
        .execute(&mut *connection)
        .await?;
    make_pepper(connection, sealer, FIRST_PEPPER, (&*options.clock, random)).await?;
    sqlx::query(
        "INSERT INTO initial_set (one, account_id, environment_id, created_at) VALUES (1, ?, ?, ?)",
    )
    .bind(account.as_bytes().as_slice())
    .bind(environment.as_bytes().as_slice())
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}
