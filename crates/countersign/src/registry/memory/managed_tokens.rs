use super::{MemoryRegistry, State};
use crate::id::Id;
use crate::registry::backend::StoredCredential;
use crate::registry::{
    Caller, Change, IdempotencyKey, IdempotentOutcome, ManagedTokens, NewToken, Record,
    RegistryError, RegistryFuture,
};
use crate::secret::Secret;
use crate::time::Timestamp;

/// The response to a request with an idempotency key.
pub(super) struct StoredResponse {
    request_digest: [u8; 32],
    response: Secret,
    until: Timestamp,
}

impl State {
    fn managed_token(&mut self, caller: &Caller, id: &Id) -> Result<&Record, RegistryError> {
        let record = &self.credential(caller, id)?.record;
        caller
            .can_access_token(record)
            .then_some(record)
            .ok_or(RegistryError::NotFound)
    }

    fn stored_response(
        &mut self,
        key: Option<&IdempotencyKey<'_>>,
        now: Timestamp,
    ) -> Result<Option<Secret>, RegistryError> {
        let Some(key) = key else {
            return Ok(None);
        };
        self.responses.retain(|_, stored| now < stored.until);
        match self.responses.get(&(key.caller, key.key.to_owned())) {
            None => Ok(None),
            Some(stored) if stored.request_digest == key.request_digest => {
                Ok(Some(stored.response.clone()))
            }
            Some(_) => Err(RegistryError::IdempotencyConflict),
        }
    }

    fn store_response(
        &mut self,
        key: Option<&IdempotencyKey<'_>>,
        record: &Record,
        now: Timestamp,
    ) -> Result<(), RegistryError> {
        let Some(key) = key else {
            return Ok(());
        };
        let callers = self.responses.keys().map(|(caller, _)| caller);
        let stored = callers.filter(|caller| **caller == key.caller).count();
        if stored >= IdempotencyKey::MAX_PER_CALLER as usize {
            return Err(RegistryError::TooManyIdempotencyKeys);
        }
        let stored = StoredResponse {
            request_digest: key.request_digest,
            response: (key.response)(record)?,
            until: now.plus(IdempotencyKey::RETENTION),
        };
        self.responses
            .insert((key.caller, key.key.to_owned()), stored);
        Ok(())
    }
}

impl ManagedTokens for MemoryRegistry {
    fn create_token<'a>(
        &'a self,
        caller: &'a Caller,
        new: NewToken,
        idempotency: Option<IdempotencyKey<'a>>,
    ) -> RegistryFuture<'a, IdempotentOutcome> {
        Box::pin(async move {
            let (mut state, authority) = self.state_for_change(caller)?;
            let now = self.clock.now();
            if let Some(response) = state.stored_response(idempotency.as_ref(), now)? {
                return Ok(IdempotentOutcome::Replayed(response));
            }
            let placement = state.placement(&authority, new.owner, self.default_account)?;
            state.check_managed_tokens(self.limits.of(caller), caller)?;
            let id = self.new_id(&placement.account)?;
            let token = StoredCredential::new_token(&authority, id, placement, new, now)?;
            state.store_response(idempotency.as_ref(), &token.record, now)?;
            let record = self.insert(&mut state, token);
            Ok(IdempotentOutcome::New(record.into()))
        })
    }

    fn change_token<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
        change: Change,
        idempotency: Option<IdempotencyKey<'a>>,
    ) -> RegistryFuture<'a, IdempotentOutcome> {
        Box::pin(async move {
            let (mut state, authority) = self.state_for_change(caller)?;
            let now = self.clock.now();
            if let Some(response) = state.stored_response(idempotency.as_ref(), now)? {
                return Ok(IdempotentOutcome::Replayed(response));
            }
            state.managed_token(caller, &id)?;
            let record = self.change_in(&mut state, &authority, &id, &change)?;
            state.store_response(idempotency.as_ref(), &record, now)?;
            Ok(IdempotentOutcome::New(record.into()))
        })
    }

    fn show_token<'a>(&'a self, caller: &'a Caller, id: Id) -> RegistryFuture<'a, Record> {
        Box::pin(async move { Ok(self.state().managed_token(caller, &id)?.clone()) })
    }

    fn list_tokens<'a>(
        &'a self,
        caller: &'a Caller,
        offset: u64,
        limit: u32,
    ) -> RegistryFuture<'a, (Vec<Record>, u64)> {
        Box::pin(async move {
            let state = self.state();
            let accessible = || state.records().filter(|r| caller.can_access_token(r));
            let count = u64::try_from(accessible().count()).unwrap_or(u64::MAX);
            let offset = usize::try_from(offset).unwrap_or(usize::MAX);
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let page = accessible().skip(offset).take(limit).cloned().collect();
            Ok((page, count))
        })
    }
}
