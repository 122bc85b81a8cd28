//! A new pepper in the place of the old one.

use countersign::registry::Caller;
use sqlx::sqlite::SqliteConnection;

use crate::error::StoreError;
use crate::ground::make_pepper;
use crate::record::corrupt;
use crate::store::Store;
use crate::writing::{Entity, Writing, entry};

impl Store {
    /// Makes a new pepper, and returns its version: digests are made with it from now on. Those that are kept
    /// already are made anew as their keys are used, since a digest cannot be changed without its secret; until
    /// then the pepper that made them stays.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unseal`] when the master key is another one, or that the database cannot be read or written.
    pub async fn rotate_pepper(&self, caller: &Caller) -> Result<u32, StoreError> {
        let mut connection = self.0.writer().await?;
        let mut writing = Writing::begin(&mut connection, self.0.now()).await?;
        let connection = writing.connection();
        let newest: u32 = sqlx::query_scalar("SELECT max(version) FROM peppers")
            .fetch_one(&mut *connection)
            .await?;
        let Some(version) = newest.checked_add(1) else {
            return corrupt("there have been too many peppers");
        };
        let sealer = self.0.ground.sealer(connection).await?;
        let options = &self.0.options;
        let make_with = (&*options.clock, &*options.random);
        make_pepper(connection, &sealer, version, make_with).await?;
        let forgotten = forget_below(connection, newest).await?;
        writing.changed(Entity::Peppers);
        let told = entry(caller, "pepper.rotate").with("version", version);
        let told = told.with("forgotten", forgotten);
        writing.commit(&self.0, Some(told)).await?;
        Ok(version)
    }
}

/// Forgets peppers that no credential remembers any more; their versions. The one that was the newest until now
/// stays in any case: a process that does not know of the rotation yet goes on making digests with it.
async fn forget_below(
    connection: &mut SqliteConnection,
    newest: u32,
) -> Result<Vec<u32>, StoreError> {
    let forgotten = sqlx::query_scalar(
        "DELETE FROM peppers WHERE version < ?
             AND NOT EXISTS (SELECT 1 FROM credentials WHERE pepper_version = version)
         RETURNING version",
    )
    .bind(newest)
    .fetch_all(connection)
    .await?;
    Ok(forgotten)
}
