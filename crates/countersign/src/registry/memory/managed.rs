//! Managed tokens in memory.

use super::MemoryRegistry;
use super::credentials::Held;
use crate::BoxFuture;
use crate::directory::{CredentialKind, Issuers, StoredSecret};
use crate::id::Id;
use crate::registry::lifecycle::StoredCredential;
use crate::registry::{
    Caller, Change, IdempotencyKey, IdempotentOutcome, ManagedTokens, NewToken, Owner, Record,
    RegistryError,
};
use crate::secret::Secret;
use crate::time::Timestamp;

/// What was answered to a request that may come again.
pub(super) struct Answer {
    request: [u8; 32],
    answer: Secret,
    until: Timestamp,
}

impl MemoryRegistry {
    fn make_token(
        &self,
        caller: &Caller,
        new: NewToken,
        once: Option<IdempotencyKey<'_>>,
    ) -> Result<IdempotentOutcome, RegistryError> {
        let mut held = self.held_for(caller)?;
        if let Some(answer) = held.recall(once.as_ref(), self.clock.now())? {
            return Ok(IdempotentOutcome::Replayed(answer));
        }
        let owner = Owner {
            account: new.account,
            environment: new.environment,
        };
        let account = held.owner(caller, owner, self.default_account)?;
        let id = self.new_id(&account)?;
        let draft = self.draft(
            id,
            CredentialKind::Token,
            account,
            String::new(),
            new.scopes,
        );
        let record = Record {
            environment_id: new.environment,
            environment_kind: held.kind(new.environment),
            expires_at: Some(new.expires_at),
            issuers: issuers_of(caller),
            created_by: new.created_by,
            ..draft
        };
        held.remember(once.as_ref(), &record, self.clock.now())?;
        let proof = StoredSecret::Signature;
        let kept = StoredCredential { record, proof };
        self.directory
            .put(kept.credential(held.generation(&account)));
        let record = kept.record.clone();
        held.credentials.insert(id, kept);
        Ok(IdempotentOutcome::New(record.into()))
    }

    fn alter_token(
        &self,
        caller: &Caller,
        id: &Id,
        change: &Change,
        once: Option<IdempotencyKey<'_>>,
    ) -> Result<IdempotentOutcome, RegistryError> {
        let mut held = self.held_for(caller)?;
        if let Some(answer) = held.recall(once.as_ref(), self.clock.now())? {
            return Ok(IdempotentOutcome::Replayed(answer));
        }
        held.token(caller, id)?;
        let record = self.change_in(&mut held, caller, id, change)?;
        held.remember(once.as_ref(), &record, self.clock.now())?;
        Ok(IdempotentOutcome::New(record.into()))
    }
}

impl Held {
    fn token(&mut self, caller: &Caller, id: &Id) -> Result<&Record, RegistryError> {
        let record = &self.reach(caller, id)?.record;
        (record.kind == CredentialKind::Token && at_issuer(caller, record))
            .then_some(record)
            .ok_or(RegistryError::NotFound)
    }

    fn recall(
        &mut self,
        once: Option<&IdempotencyKey<'_>>,
        now: Timestamp,
    ) -> Result<Option<Secret>, RegistryError> {
        let Some(once) = once else {
            return Ok(None);
        };
        self.answers.retain(|_, answer| now < answer.until);
        match self.answers.get(&(once.caller, once.key.to_owned())) {
            None => Ok(None),
            Some(known) if known.request == once.request => Ok(Some(known.answer.clone())),
            Some(_) => Err(RegistryError::IdempotencyConflict),
        }
    }

    fn remember(
        &mut self,
        once: Option<&IdempotencyKey<'_>>,
        record: &Record,
        now: Timestamp,
    ) -> Result<(), RegistryError> {
        if let Some(once) = once {
            let of_caller = self.answers.keys().filter(|(of, _)| *of == once.caller);
            if of_caller.count() >= IdempotencyKey::MOST_REMEMBERED as usize {
                return Err(RegistryError::TooManyIdempotencyKeys);
            }
            let answer = Answer {
                request: once.request,
                answer: (once.answer)(record)?,
                until: now.plus(IdempotencyKey::REMEMBERED),
            };
            self.answers
                .insert((once.caller, once.key.to_owned()), answer);
        }
        Ok(())
    }
}

/// Whether a token is of the issuer that the caller is at.
fn at_issuer(caller: &Caller, record: &Record) -> bool {
    caller
        .issuer()
        .is_none_or(|issuer| record.issuers.admit(issuer))
}

/// A token is of the issuer that it was made at.
fn issuers_of(caller: &Caller) -> Issuers {
    Issuers::named(caller.issuer()).unwrap_or_default()
}

impl ManagedTokens for MemoryRegistry {
    fn create_token<'a>(
        &'a self,
        caller: &'a Caller,
        new: NewToken,
        once: Option<IdempotencyKey<'a>>,
    ) -> BoxFuture<'a, Result<IdempotentOutcome, RegistryError>> {
        Box::pin(async move { self.make_token(caller, new, once) })
    }

    fn change_token<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
        change: Change,
        once: Option<IdempotencyKey<'a>>,
    ) -> BoxFuture<'a, Result<IdempotentOutcome, RegistryError>> {
        Box::pin(async move { self.alter_token(caller, &id, &change, once) })
    }

    fn show_token<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
    ) -> BoxFuture<'a, Result<Record, RegistryError>> {
        Box::pin(async move { Ok(self.held().token(caller, &id)?.clone()) })
    }

    fn list_tokens<'a>(
        &'a self,
        caller: &'a Caller,
        offset: u64,
        limit: u32,
    ) -> BoxFuture<'a, Result<(Vec<Record>, u64), RegistryError>> {
        Box::pin(async move {
            let held = self.held();
            let records = held.credentials.values().map(|kept| &kept.record);
            let of = records.filter(|record| {
                record.kind == CredentialKind::Token
                    && caller.reaches(&record.account_id)
                    && at_issuer(caller, record)
            });
            let all: Vec<_> = of.cloned().collect();
            let count = u64::try_from(all.len()).unwrap_or(u64::MAX);
            let offset = usize::try_from(offset).unwrap_or(usize::MAX);
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            Ok((all.into_iter().skip(offset).take(limit).collect(), count))
        })
    }
}
