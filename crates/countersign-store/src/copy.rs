//! Moving a database to another file or server.

use countersign::BoxFuture;

use crate::audit::Verified;
use crate::error::{Result, StoreError, corrupt};
use crate::secrets::DatabaseAge;
use crate::sql::sqlite::Exclusive;
use crate::sql::{self, Connection, Database, Location};
use crate::state::{StoreOptions, ViewContents};
use crate::store::Store;

impl Store {
    /// Copies a database into a new one, which may be of the other kind: everything is the same there, encrypted secrets and
    /// the audit log too. Returns how many rows were copied. No process may use the old database during the copy, or afterwards:
    /// what is revoked in one is not revoked in the other.
    ///
    /// The new database needs the same master key, with which the copied audit log is verified.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotEmpty`] if the new database has records, [`StoreError::InUse`] if another process has the old one
    /// open, [`StoreError::Corrupt`] if the old one is empty or its audit log is not intact, [`StoreError::Unseal`] if the
    /// master key is another one, and the errors of [`open`](Self::open).
    pub fn copy<'a>(
        from: &'a StoreOptions,
        to: &'a StoreOptions,
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(async move {
            let mut source = Source::lock(&from.location()?).await?;
            if sql::schema::inspect(source.connection()).await? == DatabaseAge::New {
                return corrupt("it is empty");
            }
            let target = Database::open(&to.location()?).await?;
            let mut transaction = target.begin().await?;
            if sql::schema::inspect(&mut transaction).await? != DatabaseAge::New {
                return Err(StoreError::NotEmpty);
            }
            sql::schema::create(&mut transaction).await?;
            let copied = sql::copy::all(source.connection(), &mut transaction).await?;
            transaction.commit().await?;
            drop(transaction);
            target.close().await;
            source.unlock().await?;

            let mut options = to.clone();
            options.contents = ViewContents::Nothing;
            let store = Self::open(options).await?;
            let verified = store.verify_audit(None).await?;
            store.close().await?;
            match verified {
                Verified::Intact { .. } => Ok(copied),
                Verified::Broken { .. } => corrupt("its audit log is not intact"),
            }
        })
    }
}

/// The old database, which no process can change.
enum Source {
    File(Exclusive),
    #[cfg(feature = "postgres")]
    Server(Database, Connection),
}

impl Source {
    async fn lock(location: &Location) -> Result<Self> {
        match location {
            Location::File(path) => {
                if !path.exists() {
                    return corrupt("it does not exist");
                }
                let mut file = Exclusive::open(path).await?;
                file.lock().await?;
                Ok(Self::File(file))
            }
            #[cfg(feature = "postgres")]
            Location::Postgres(_) => {
                let database = Database::open(location).await?;
                let connection = database.begin().await?;
                Ok(Self::Server(database, connection))
            }
        }
    }

    fn connection(&mut self) -> &mut Connection {
        match self {
            Self::File(file) => &mut file.connection,
            #[cfg(feature = "postgres")]
            Self::Server(_, connection) => connection,
        }
    }

    async fn unlock(self) -> Result<()> {
        match self {
            Self::File(file) => file.close().await,
            #[cfg(feature = "postgres")]
            Self::Server(database, connection) => {
                drop(connection);
                database.close().await;
                Ok(())
            }
        }
    }
}
