//! Changes of credentials: each one transaction, the record and its number in the change log.

use countersign::BoxFuture;
use countersign::directory::{
    CreatedKey, CredentialKind, NewKey, NewUser, Record, Registry, RegistryError,
};
use countersign::key::{self, KeyDigest, KeyPrefix};
use countersign::time::Timestamp;
use countersign::{Id, Scopes};
use sqlx::sqlite::{Sqlite, SqliteConnection};
use sqlx::{Connection as _, Transaction};

use crate::error::StoreError;
use crate::record::{Stored, kind_text, select_credentials};
use crate::store::{Inner, Store};

impl Registry for Store {
    fn create_key(&self, new: NewKey) -> BoxFuture<'_, Result<CreatedKey, RegistryError>> {
        Box::pin(self.0.create_key(new))
    }

    fn create_user(&self, new: NewUser) -> BoxFuture<'_, Result<Record, RegistryError>> {
        Box::pin(self.0.create_user(new))
    }

    fn list(&self, kind: CredentialKind) -> BoxFuture<'_, Result<Vec<Record>, RegistryError>> {
        Box::pin(async move { Ok(self.0.list(kind).await?) })
    }

    fn show(&self, id: Id) -> BoxFuture<'_, Result<Record, RegistryError>> {
        Box::pin(async move {
            let mut connection = self.0.reader().await?;
            Ok(Stored::find(&mut connection, &id).await?.record)
        })
    }

    fn revoke(&self, id: Id) -> BoxFuture<'_, Result<Record, RegistryError>> {
        Box::pin(self.0.revoke(id))
    }
}

impl Inner {
    async fn create_key(&self, new: NewKey) -> Result<CreatedKey, RegistryError> {
        let (id, now) = self.new_id()?;
        let issued = key::generate(&KeyPrefix::default(), &id, &*self.options.random)
            .map_err(StoreError::from)?;
        let draft = Draft {
            id,
            kind: CredentialKind::Key,
            name: &new.name,
            scopes: &new.scopes,
            created_at: now,
            expires_at: new.expires_at,
            digest: Some(self.ground.peppers.digest(&id, issued.secret.expose())),
            password_hash: None,
        };
        let mut connection = self.writer().await?;
        let mut transaction = begin(&mut connection).await?;
        self.insert(&mut transaction, draft).await?;
        let record = self.commit(transaction, &id).await?;
        Ok(CreatedKey { record, issued })
    }

    async fn create_user(&self, new: NewUser) -> Result<Record, RegistryError> {
        let (id, now) = self.new_id()?;
        let draft = Draft {
            id,
            kind: CredentialKind::User,
            name: new.name.as_str(),
            scopes: &new.scopes,
            created_at: now,
            expires_at: None,
            digest: None,
            password_hash: Some(new.password_hash.expose()),
        };
        let mut connection = self.writer().await?;
        let mut transaction = begin(&mut connection).await?;
        if is_taken(&mut transaction, draft.name).await? {
            return Err(RegistryError::NameTaken);
        }
        self.insert(&mut transaction, draft).await?;
        self.commit(transaction, &id).await
    }

    async fn list(&self, kind: CredentialKind) -> Result<Vec<Record>, StoreError> {
        let rows = sqlx::query(select_credentials!(
            "WHERE c.kind = ? ORDER BY c.created_at, c.id"
        ))
        .bind(kind_text(kind))
        .fetch_all(&mut *self.reader().await?)
        .await?;
        rows.iter()
            .map(|row| Ok(Stored::read(row)?.record))
            .collect()
    }

    async fn revoke(&self, id: Id) -> Result<Record, RegistryError> {
        let mut connection = self.writer().await?;
        let mut transaction = begin(&mut connection).await?;
        let changed = sqlx::query(
            "UPDATE credentials SET status = 'revoked', generation = generation + 1
             WHERE id = ? AND status <> 'revoked'",
        )
        .bind(id.as_bytes().as_slice())
        .execute(&mut *transaction)
        .await
        .map_err(StoreError::from)?
        .rows_affected();
        if changed == 0 {
            return Ok(Stored::find(&mut transaction, &id).await?.record);
        }
        self.commit(transaction, &id).await
    }

    fn new_id(&self) -> Result<(Id, Timestamp), StoreError> {
        let now = self.options.clock.now();
        let id = Id::new(now, &self.ground.account, &*self.options.random)?;
        Ok((id, now))
    }

    async fn insert(
        &self,
        connection: &mut SqliteConnection,
        draft: Draft<'_>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO credentials (id, kind, name, account_id, environment_id, scopes, created_at,
                                      updated_at, expires_at, pepper_version, digest, password_hash)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(draft.id.as_bytes().as_slice())
        .bind(kind_text(draft.kind))
        .bind(draft.name)
        .bind(self.ground.account.as_bytes().as_slice())
        .bind(self.ground.environment.as_bytes().as_slice())
        .bind(draft.scopes.as_str())
        .bind(draft.created_at.unix_millis())
        .bind(draft.created_at.unix_millis())
        .bind(draft.expires_at.map(Timestamp::unix_millis))
        .bind(draft.digest.map(|digest| digest.pepper))
        .bind(draft.digest.as_ref().map(|kept| kept.digest.as_bytes().as_slice()))
        .bind(draft.password_hash)
        .execute(connection)
        .await?;
        Ok(())
    }

    /// Ends a transaction that changed `id`: gives the change its number, commits, and applies it to
    /// the view. The caller still holds the writer, so that changes reach the view in their order.
    async fn commit(
        &self,
        mut transaction: Transaction<'_, Sqlite>,
        id: &Id,
    ) -> Result<Record, RegistryError> {
        let stored = Stored::find(&mut transaction, id).await?;
        let record = stored.record.clone();
        let number = log(&mut transaction, id).await?;
        transaction.commit().await.map_err(StoreError::from)?;
        self.follower.lock().await.apply(number, stored)?;
        Ok(record)
    }
}

struct Draft<'a> {
    id: Id,
    kind: CredentialKind,
    name: &'a str,
    scopes: &'a Scopes,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    digest: Option<KeyDigest>,
    password_hash: Option<&'a str>,
}

/// At once as the writer: a transaction that reads first may find, when it writes, that it cannot.
async fn begin(connection: &mut SqliteConnection) -> Result<Transaction<'_, Sqlite>, StoreError> {
    Ok(connection.begin_with("BEGIN IMMEDIATE").await?)
}

async fn is_taken(connection: &mut SqliteConnection, name: &str) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM credentials WHERE kind = 'user' AND name = ?)",
    )
    .bind(name)
    .fetch_one(connection)
    .await?)
}

/// The counter comes last, so that the order of numbers is the order of commits.
async fn log(connection: &mut SqliteConnection, id: &Id) -> Result<i64, StoreError> {
    sqlx::query("INSERT INTO changes (number, kind, entity) SELECT number + 1, 'credential', ? FROM change_head")
        .bind(id.as_bytes().as_slice())
        .execute(&mut *connection)
        .await?;
    Ok(
        sqlx::query_scalar("UPDATE change_head SET number = number + 1 RETURNING number")
            .fetch_one(connection)
            .await?,
    )
}
