//! Requests that may be repeated: the response is stored, encrypted, for a day, in the transaction of the change.

use countersign::Secret;
use countersign::registry::{IdempotencyKey, Record, RegistryError};

use crate::records::StoredAnswer;
use crate::sql::{self, Connection};
use crate::state::State;
use crate::transaction::Transaction;

/// Returns the response to a request that was made before, or an error if the response to a new one could not be stored.
pub(super) async fn recall(
    connection: &mut Connection,
    state: &State,
    key: Option<&IdempotencyKey<'_>>,
) -> Result<Option<Secret>, RegistryError> {
    let Some(key) = key else {
        return Ok(None);
    };
    let now = state.clock.now();
    let Some((answer, sealed)) = sql::idempotency::find(connection, key, now).await? else {
        let remembered = sql::idempotency::count(connection, key, now).await?;
        return match remembered >= i64::from(IdempotencyKey::MAX_PER_CALLER) {
            true => Err(RegistryError::TooManyIdempotencyKeys),
            false => Ok(None),
        };
    };
    if answer.request != key.request_digest {
        return Err(RegistryError::IdempotencyConflict);
    }
    let sealer = state.sealer(connection).await?;
    Ok(Some(sealer.open_text(&answer.context(), &sealed)?))
}

/// Stores the response to a request that [`recall`] did not find in the same transaction.
pub(super) async fn remember(
    transaction: &mut Transaction<'_>,
    key: Option<&IdempotencyKey<'_>>,
    record: &Record,
) -> Result<(), RegistryError> {
    let Some(key) = key else {
        return Ok(());
    };
    let (state, now) = (transaction.state(), transaction.now);
    let connection = transaction.connection();
    let response = (key.response)(record)?;
    let answer = StoredAnswer {
        caller: key.caller,
        key: key.key.to_owned(),
        request: key.request_digest,
        until: now.plus(IdempotencyKey::RETENTION),
    };
    let sealer = state.sealer(connection).await?;
    let response = response.expose().as_bytes();
    let sealed = sealer.seal(&answer.context(), response, &*state.random)?;
    Ok(sql::idempotency::insert(connection, &answer, &sealed, now).await?)
}
