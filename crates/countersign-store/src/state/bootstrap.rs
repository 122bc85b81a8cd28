//! The first start on a database: its tables, its secrets and its initial records.

use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use countersign::Id;
use countersign::directory::EnvironmentKind;
use countersign::key::Peppers;
use countersign::registry::{Account, Environment};

use super::{State, StoreOptions, key_check};
use crate::audit::AuditKey;
use crate::error::StoreError;
use crate::secrets::{DatabaseAge, MasterKeySource, Sealer};
use crate::sql::{self, Connection, Database};

const FIRST_PEPPER: u32 = 1;

/// Prepares a database, and loads its state.
///
/// Everything happens in one transaction: of two processes that start at once, one creates the records, and a process
/// that dies half way leaves at most a master key behind, which the next one uses.
pub(crate) async fn prepare(
    database: &Database,
    options: &StoreOptions,
) -> Result<State, StoreError> {
    let mut transaction = database.begin().await?;
    let age = sql::schema::inspect(&mut transaction).await?;
    let master_key = options.master_key_source()?;
    let sealer = upgrade(&mut transaction, &master_key, age).await?;
    if age == DatabaseAge::New {
        create_initial_records(&mut transaction, &sealer, options).await?;
    }
    let (account, environment) = sql::accounts::default_owner(&mut transaction).await?;
    let sealed_audit_key = sql::audit::sealed_key(&mut transaction).await?;
    let (newest, older) = sql::secrets::peppers(&mut transaction, &sealer).await?;
    let state = State {
        audit_key: AuditKey::open(&sealed_audit_key, &sealer)?,
        peppers: Peppers::new(newest, older).with_prefix(options.key_prefix.clone()),
        sealer: ArcSwap::from_pointee(sealer),
        master_key,
        account,
        environment,
        clock: Arc::clone(&options.clock),
        random: Arc::clone(&options.random),
        signing_keys: Mutex::default(),
    };
    transaction.commit().await?;
    Ok(state)
}

/// Finds the master key, and creates the tables of a new database. If a rotation of the master key was interrupted, it
/// is finished. Whether the master key is the right one is not checked.
pub(crate) async fn upgrade(
    connection: &mut Connection,
    master_key: &MasterKeySource,
    age: DatabaseAge,
) -> Result<Sealer, StoreError> {
    let sealer = master_key.find(age)?;
    if age == DatabaseAge::New {
        sql::schema::create(connection).await?;
        let (key, sealed) = AuditKey::generate(&sealer, &*master_key.random)?;
        sql::audit::begin(connection, &key, &sealed).await?;
    }
    let sealed = sql::audit::sealed_key(connection).await?;
    master_key.settle(sealer, &key_check(&sealed))
}

async fn create_initial_records(
    connection: &mut Connection,
    sealer: &Sealer,
    options: &StoreOptions,
) -> Result<(), StoreError> {
    let (now, random) = (options.clock.now(), &*options.random);
    let account = Account::new(Id::new_account(now, random)?, "default".to_owned(), now);
    let environment = Environment::new(
        Id::new(now, &account.id, random)?,
        account.id,
        "production".to_owned(),
        EnvironmentKind::Production,
        now,
    );
    let issuer = Id::new(now, &account.id, random)?;
    sql::accounts::insert(connection, &account).await?;
    sql::accounts::insert_environment(connection, &environment).await?;
    sql::issuers::insert(connection, &issuer, "default", now).await?;
    sql::secrets::insert_pepper(connection, FIRST_PEPPER, (sealer, random), now).await?;
    let mut epoch = [0; 20];
    random.fill(&mut epoch)?;
    let owner = (&account.id, &environment.id);
    sql::accounts::insert_state(connection, owner, &Id::from_bytes(epoch)).await
}
