//! The records behind managed tokens: credentials that are proven by a signature, so that nothing of them is secret.

use countersign::registry::backend::StoredCredential;
use countersign::registry::{
    Caller, Change, IdempotencyKey, IdempotentOutcome, ManagedTokens, NewToken, Record,
    RegistryError,
};
use countersign::{BoxFuture, Id};
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;

use crate::credentials::change_in;
use crate::error::StoreError;
use crate::record::{find_credential, read_credential, select_credentials};
use crate::store::{Inner, Store};
use crate::writing::Writing;

impl Inner {
    async fn create_token(
        &self,
        caller: &Caller,
        new: NewToken,
        once: Option<IdempotencyKey<'_>>,
    ) -> Result<IdempotentOutcome, RegistryError> {
        let mut connection = self.writer().await?;
        let mut writing = Writing::begin_for(&mut connection, self.now(), caller).await?;
        if let Some(answer) = self.recall(&mut writing, once.as_ref()).await? {
            return Ok(IdempotentOutcome::Replayed(answer));
        }
        let home = self.whole(&mut writing, caller, new.owner).await?;
        let id = self.new_id(writing.now, &home.account)?;
        let kept = StoredCredential::new_token(id, home, new, caller, writing.now);
        self.remember(&mut writing, once.as_ref(), &kept.record)
            .await?;
        let record = self.insert(writing, caller, kept).await?;
        Ok(IdempotentOutcome::New(record.into()))
    }

    async fn change_token(
        &self,
        caller: &Caller,
        id: &Id,
        change: &Change,
        once: Option<IdempotencyKey<'_>>,
    ) -> Result<IdempotentOutcome, RegistryError> {
        let mut connection = self.writer().await?;
        let mut writing = Writing::begin_for(&mut connection, self.now(), caller).await?;
        if let Some(answer) = self.recall(&mut writing, once.as_ref()).await? {
            return Ok(IdempotentOutcome::Replayed(answer));
        }
        find_token(writing.connection(), caller, id).await?;
        let (record, told) = change_in(&mut writing, caller, id, change).await?;
        self.remember(&mut writing, once.as_ref(), &record).await?;
        writing.commit(self, told).await?;
        Ok(IdempotentOutcome::New(record.into()))
    }

    async fn show_token(&self, caller: &Caller, id: &Id) -> Result<Record, RegistryError> {
        let mut connection = self.reader().await?;
        Ok(find_token(&mut connection, caller, id).await?.record)
    }

    /// The page and the count are of one moment.
    async fn list_tokens(
        &self,
        caller: &Caller,
        offset: u64,
        limit: u32,
    ) -> Result<(Vec<Record>, u64), StoreError> {
        let account = caller.account().map(|id| id.as_bytes().as_slice());
        let mut connection = self.reader().await?;
        let mut snapshot = connection.begin().await?;
        let count: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM credentials WHERE kind = 'token' AND (?1 IS NULL OR account_id = ?1) \
             AND (?2 IS NULL OR issuers IN ('', ?2))",
        )
        .bind(account)
        .bind(caller.issuer())
        .fetch_one(&mut *snapshot)
        .await?;
        let rows = sqlx::query(select_credentials!(
            "WHERE kind = 'token' AND (?1 IS NULL OR account_id = ?1) AND (?2 IS NULL OR issuers IN ('', ?2)) \
             ORDER BY id LIMIT ?3 OFFSET ?4"
        ))
        .bind(account)
        .bind(caller.issuer())
        .bind(limit)
        .bind(i64::try_from(offset).unwrap_or(i64::MAX))
        .fetch_all(&mut *snapshot)
        .await?;
        snapshot.commit().await?;
        let records = rows.iter().map(|row| Ok(read_credential(row)?.record));
        let records: Result<Vec<_>, StoreError> = records.collect();
        Ok((records?, u64::try_from(count).unwrap_or(0)))
    }
}

async fn find_token(
    connection: &mut SqliteConnection,
    caller: &Caller,
    id: &Id,
) -> Result<StoredCredential, RegistryError> {
    let found = find_credential(connection, id).await?;
    found
        .filter(|found| caller.can_access_token(&found.record))
        .ok_or(RegistryError::NotFound)
}

impl ManagedTokens for Store {
    fn create_token<'a>(
        &'a self,
        caller: &'a Caller,
        new: NewToken,
        once: Option<IdempotencyKey<'a>>,
    ) -> BoxFuture<'a, Result<IdempotentOutcome, RegistryError>> {
        Box::pin(self.0.create_token(caller, new, once))
    }

    fn change_token<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
        change: Change,
        once: Option<IdempotencyKey<'a>>,
    ) -> BoxFuture<'a, Result<IdempotentOutcome, RegistryError>> {
        Box::pin(async move { self.0.change_token(caller, &id, &change, once).await })
    }

    fn show_token<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
    ) -> BoxFuture<'a, Result<Record, RegistryError>> {
        Box::pin(async move { self.0.show_token(caller, &id).await })
    }

    fn list_tokens<'a>(
        &'a self,
        caller: &'a Caller,
        offset: u64,
        limit: u32,
    ) -> BoxFuture<'a, Result<(Vec<Record>, u64), RegistryError>> {
        Box::pin(async move { Ok(self.0.list_tokens(caller, offset, limit).await?) })
    }
}
