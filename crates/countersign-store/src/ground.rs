//! What a store stands on: the master key, and what is sealed under it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use countersign::Id;
use countersign::jose::SigningKeys;
use countersign::key::{Pepper, Peppers};
use countersign::random::Random;
use countersign::time::Clock;
use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;
use zeroize::Zeroizing;

use crate::audit::{self, AuditKey};
use crate::error::StoreError;
use crate::master_key_rotation::Keeper;
use crate::options::{MasterKey, StoreOptions};
use crate::record::corrupt;
use crate::seal::{Place, Sealer};
use crate::signing_keys::name_keys;

/// What every store knows once its database is ready.
pub(crate) struct Ground {
    sealer: ArcSwap<Sealer>,
    /// Where the master key is read again when another process has changed it.
    source: MasterKey,
    database: PathBuf,
    pub(crate) peppers: Peppers,
    pub(crate) audit_key: AuditKey,
    /// Where new credentials go.
    pub(crate) account: Id,
    pub(crate) environment: Id,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    /// The rings that were asked for, by issuer's name.
    rings: Mutex<HashMap<String, SigningKeys>>,
}

impl Ground {
    pub(crate) async fn new(
        connection: &mut SqliteConnection,
        database: PathBuf,
        sealer: Sealer,
        (account, environment): (Id, Id),
        options: &StoreOptions,
    ) -> Result<Self, StoreError> {
        let audit_key = audit::open(connection, &sealer).await?;
        let (newest, older) = open_peppers(connection, &sealer).await?;
        name_keys(connection, &sealer).await?;
        Ok(Self {
            sealer: ArcSwap::from_pointee(sealer),
            source: options.master_key.clone(),
            database,
            peppers: Peppers::new(newest, older).with_prefix(options.key_prefix.clone()),
            audit_key,
            account,
            environment,
            clock: Arc::clone(&options.clock),
            random: Arc::clone(&options.random),
            rings: Mutex::default(),
        })
    }

    /// The master key that the database's secrets are sealed under now. Another process may have changed it.
    pub(crate) async fn sealer(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Arc<Sealer>, StoreError> {
        let known = self.sealer.load_full();
        match audit::open(connection, &known).await {
            Ok(_) => return Ok(known),
            Err(StoreError::Unseal { .. }) => {}
            Err(error) => return Err(error),
        }
        let keeper = self.keeper();
        let found = keeper.find_rotated(connection).await?;
        let found = Arc::new(found);
        self.sealer.store(Arc::clone(&found));
        Ok(found)
    }

    /// Where the master key is kept.
    pub(crate) fn keeper(&self) -> Keeper<'_> {
        Keeper {
            source: &self.source,
            database: &self.database,
            random: &*self.random,
        }
    }

    /// Uses another master key from now on.
    pub(crate) fn use_sealer(&self, sealer: Sealer) {
        self.sealer.store(Arc::new(sealer));
    }

    pub(crate) fn rings(&self) -> MutexGuard<'_, HashMap<String, SigningKeys>> {
        self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings the peppers to what the database has.
    pub(crate) async fn reload_peppers(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<(), StoreError> {
        let sealer = self.sealer(connection).await?;
        let (newest, older) = open_peppers(connection, &sealer).await?;
        self.peppers.replace(newest, older);
        Ok(())
    }
}

/// Makes a pepper of this version.
pub(crate) async fn make_pepper(
    connection: &mut SqliteConnection,
    sealer: &Sealer,
    version: u32,
    (clock, random): (&dyn Clock, &dyn Random),
) -> Result<(), StoreError> {
    let mut pepper = Zeroizing::new([0; 32]);
    random.fill(pepper.as_mut())?;
    let row = version.to_be_bytes();
    let sealed = sealer.seal(pepper_place(&row), pepper.as_ref(), random)?;
    sqlx::query("INSERT INTO peppers (version, sealed, created_at) VALUES (?, ?, ?)")
        .bind(version)
        .bind(sealed)
        .bind(clock.now().unix_millis())
        .execute(connection)
        .await?;
    Ok(())
}

async fn open_peppers(
    connection: &mut SqliteConnection,
    sealer: &Sealer,
) -> Result<(Pepper, Vec<Pepper>), StoreError> {
    let rows = sqlx::query("SELECT version, sealed FROM peppers ORDER BY version DESC")
        .fetch_all(connection)
        .await?;
    let mut peppers = Vec::with_capacity(rows.len());
    for row in &rows {
        let version: u32 = row.try_get("version")?;
        let secret = sealer
            .open(pepper_place(&version.to_be_bytes()), row.try_get("sealed")?)
            .map_err(|_| StoreError::Unseal { what: "the pepper" })?;
        let pepper = Pepper::new(version, &secret);
        peppers.push(pepper.or_else(|_| corrupt("a pepper"))?);
    }
    if peppers.is_empty() {
        return corrupt("there is no pepper");
    }
    Ok((peppers.remove(0), peppers))
}

pub(crate) fn pepper_place(version: &[u8; 4]) -> Place<'_> {
    Place {
        table: "peppers",
        row: version,
        column: "sealed",
    }
}
