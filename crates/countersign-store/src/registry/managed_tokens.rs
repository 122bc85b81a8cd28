//! The records behind managed tokens. They are authenticated by their signature: nothing about them is secret.

use countersign::Id;
use countersign::registry::backend::{ChangeEffect, StoredCredential};
use countersign::registry::{
    Caller, Change, IdempotencyKey, IdempotentOutcome, ManagedTokens, NewToken, Record,
    RegistryError,
};

use super::Response;
use super::credentials::{change, insert, plan};
use super::idempotency::{recall, remember};
use crate::sql::{self, Connection};
use crate::store::Store;

impl ManagedTokens for Store {
    fn create_token<'a>(
        &'a self,
        caller: &'a Caller,
        new: NewToken,
        key: Option<IdempotencyKey<'a>>,
    ) -> Response<'a, IdempotentOutcome> {
        Box::pin(async move {
            let state = &self.0.state;
            let (mut reader, authority) = self.0.look_for(caller).await?;
            if let Some(response) = recall(&mut reader, state, key.as_ref()).await? {
                return Ok(IdempotentOutcome::Replayed(response));
            }
            let basis = (&mut reader, &authority, state.clock.now());
            self.0.plan_token(basis, new.clone()).await?;
            drop(reader);
            let (mut transaction, authority) = self.0.begin_for(caller).await?;
            let now = transaction.now;
            let connection = transaction.connection();
            if let Some(response) = recall(connection, state, key.as_ref()).await? {
                return Ok(IdempotentOutcome::Replayed(response));
            }
            let credential = self
                .0
                .plan_token((connection, &authority, now), new)
                .await?;
            remember(&mut transaction, key.as_ref(), &credential.record).await?;
            let record = insert(transaction, caller, credential).await?;
            Ok(IdempotentOutcome::New(record.into()))
        })
    }

    fn change_token<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
        requested: Change,
        key: Option<IdempotencyKey<'a>>,
    ) -> Response<'a, IdempotentOutcome> {
        Box::pin(async move {
            let state = &self.0.state;
            let (mut reader, authority) = self.0.look_for(caller).await?;
            if let Some(response) = recall(&mut reader, state, key.as_ref()).await? {
                return Ok(IdempotentOutcome::Replayed(response));
            }
            find(&mut reader, caller, &id).await?;
            let now = state.clock.now();
            let planned = plan(&mut reader, &authority, &id, &requested, now).await?;
            drop(reader);
            // The response to a request with a key is stored, even if the change has no effect.
            if let ((credential, ChangeEffect::Unchanged), None) = (planned, &key) {
                return Ok(IdempotentOutcome::New(credential.record.into()));
            }
            let (mut transaction, authority) = self.0.begin_change(caller, &requested).await?;
            let connection = transaction.connection();
            if let Some(response) = recall(connection, state, key.as_ref()).await? {
                return Ok(IdempotentOutcome::Replayed(response));
            }
            find(transaction.connection(), caller, &id).await?;
            let record = change(&mut transaction, &authority, &id, &requested).await?;
            remember(&mut transaction, key.as_ref(), &record).await?;
            transaction.commit().await?;
            Ok(IdempotentOutcome::New(record.into()))
        })
    }

    fn show_token<'a>(&'a self, caller: &'a Caller, id: Id) -> Response<'a, Record> {
        Box::pin(async move {
            let mut connection = self.0.database.reader().await?;
            Ok(find(&mut connection, caller, &id).await?.record)
        })
    }

    fn list_tokens<'a>(
        &'a self,
        caller: &'a Caller,
        offset: u64,
        limit: u32,
    ) -> Response<'a, (Vec<Record>, u64)> {
        Box::pin(async move {
            // The page and the count are of the same moment.
            let mut snapshot = self.0.database.list_snapshot().await?;
            let filter = (caller.account(), caller.issuer());
            let page = sql::credentials::list_tokens(&mut snapshot, filter, offset, limit);
            let page = page.await?;
            snapshot.commit().await?;
            Ok(page)
        })
    }
}

async fn find(
    connection: &mut Connection,
    caller: &Caller,
    id: &Id,
) -> Result<StoredCredential, RegistryError> {
    let found = sql::credentials::find(connection, id).await?;
    found
        .filter(|found| caller.can_access_token(&found.record))
        .ok_or(RegistryError::NotFound)
}
