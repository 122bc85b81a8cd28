//! Requests that may come again.

use std::sync::{Mutex, PoisonError};

use countersign::Secret;
use countersign::principal::Principal;
use countersign::registry::{IdempotencyKey, IdempotentOutcome, Record, RegistryError};
use sha2::{Digest as _, Sha256};

use super::create::flaw;
use super::problem::{Errors, Problem};
use crate::TokenError;
use crate::json::{Json, Object};

const MEMBER: &str = "idempotency_key";

/// What a client calls a request, so that it is done once however often it comes: 1 to 255 visible characters.
pub(super) struct IdempotencyMember(String);

impl IdempotencyMember {
    pub(super) fn take(body: &mut Object, errors: &mut Errors) -> Option<Self> {
        let key = match body.take_value(MEMBER)? {
            Json::Text(key) => key.expose().to_owned(),
            _ => {
                flaw(errors, MEMBER, "must be a string");
                return None;
            }
        };
        let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
        if visible && (1..=255).contains(&key.len()) {
            return Some(Self(key));
        }
        flaw(errors, MEMBER, "must be 1 to 255 visible ASCII characters");
        None
    }
}

/// A digest of all that was asked: of whom, in what state, what is to be done, to which token, and the body as it
/// came.
pub(super) fn fingerprint(parts: [&str; 4], body: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
        digest.update([0]);
    }
    digest.update(body);
    digest.finalize().into()
}

type Make<'a> = &'a (dyn Fn(&Record) -> Result<Secret, RegistryError> + Send + Sync);

/// Makes the answer, once: a second signature would be another token where the algorithm is not deterministic.
pub(super) struct Answering<'a> {
    make: Make<'a>,
    made: Mutex<Option<Secret>>,
}

impl<'a> Answering<'a> {
    pub(super) const fn new(make: Make<'a>) -> Self {
        Self {
            make,
            made: Mutex::new(None),
        }
    }

    /// The answer that is to be remembered: of several attempts, the last one's.
    pub(super) fn make(&self, record: &Record) -> Result<Secret, RegistryError> {
        let answer = (self.make)(record)?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        *made = Some(answer.clone());
        Ok(answer)
    }

    /// What to answer.
    pub(super) fn of(self, done: IdempotentOutcome) -> Result<Secret, RegistryError> {
        let made = self.made.into_inner();
        match (done, made.unwrap_or_else(PoisonError::into_inner)) {
            (IdempotentOutcome::Replayed(answer), _)
            | (IdempotentOutcome::New(_), Some(answer)) => Ok(answer),
            (IdempotentOutcome::New(record), None) => (self.make)(&record),
        }
    }
}

/// The request as a registry wants it, where it has a key.
pub(super) fn once<'a>(
    key: Option<&'a IdempotencyMember>,
    caller: &Principal,
    request: [u8; 32],
    answer: Make<'a>,
) -> Result<Option<IdempotencyKey<'a>>, Problem> {
    let Some(IdempotencyMember(key)) = key else {
        return Ok(None);
    };
    let caller = *caller.credential_id().ok_or(TokenError::Failed)?;
    Ok(Some(IdempotencyKey::new(key, caller, request, answer)))
}
