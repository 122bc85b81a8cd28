//! Requests with an idempotency key, and the responses that are remembered for them.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use countersign::Secret;
use countersign::principal::Principal;
use countersign::registry::{IdempotencyKey, IdempotentOutcome, Record, RegistryError};
use sha2::{Digest as _, Sha256};

use super::error::{ManagedTokenError, ValidationErrors, add_error};
use crate::error::TokenError;
use crate::json::Object;

const MEMBER: &str = "idempotency_key";

/// Takes the idempotency key, 1 to 255 visible ASCII characters.
pub(super) fn take_key(body: &mut Object, errors: &mut ValidationErrors) -> Option<String> {
    let Ok(key) = body.take_text(MEMBER) else {
        add_error(errors, MEMBER, "must be a string");
        return None;
    };
    let key = key?.expose().to_owned();
    let is_visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    if is_visible && (1..=255).contains(&key.len()) {
        return Some(key);
    }
    add_error(errors, MEMBER, "must be 1 to 255 visible ASCII characters");
    None
}

/// Takes the idempotency key of a body that may be empty, and has no other members.
pub(super) fn read_key(body: &Bytes) -> Result<Option<String>, ManagedTokenError> {
    if body.is_empty() {
        return Ok(None);
    }
    let mut object = Object::parse(body).map_err(TokenError::from)?;
    let mut errors = ValidationErrors::new();
    let key = take_key(&mut object, &mut errors);
    if errors.is_empty() {
        Ok(key)
    } else {
        Err(ManagedTokenError::Validation(errors))
    }
}

/// Computes the digest of a request: the issuer, the generation of the caller, the action, the token, and the body byte
/// for byte.
pub(super) fn fingerprint(parts: [&str; 4], body: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
        digest.update([0]);
    }
    digest.update(body);
    digest.finalize().into()
}

type WriteResponse<'a> = &'a (dyn Fn(&Record) -> Result<Secret, RegistryError> + Send + Sync);

/// Writes the response once: signing again gives another token, unless the algorithm is deterministic.
pub(super) struct ResponseWriter<'a> {
    write: WriteResponse<'a>,
    written: Mutex<Option<Secret>>,
}

impl<'a> ResponseWriter<'a> {
    pub(super) const fn new(write: WriteResponse<'a>) -> Self {
        Self {
            write,
            written: Mutex::new(None),
        }
    }

    /// Writes the response that the registry remembers. If the registry tries several times, the last response counts.
    pub(super) fn write(&self, record: &Record) -> Result<Secret, RegistryError> {
        let response = (self.write)(record)?;
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        *written = Some(response.clone());
        Ok(response)
    }

    /// Returns the response to a request that the registry has processed.
    pub(super) fn finish(self, outcome: IdempotentOutcome) -> Result<Secret, RegistryError> {
        let written = self.written.into_inner();
        match (outcome, written.unwrap_or_else(PoisonError::into_inner)) {
            (IdempotentOutcome::Replayed(response), _)
            | (IdempotentOutcome::New(_), Some(response)) => Ok(response),
            (IdempotentOutcome::New(record), None) => (self.write)(&record),
        }
    }
}

/// Returns the idempotency key for the registry, if the request has one.
pub(super) fn idempotency_key<'a>(
    key: Option<&'a str>,
    caller: &Principal,
    digest: [u8; 32],
    response: WriteResponse<'a>,
) -> Result<Option<IdempotencyKey<'a>>, TokenError> {
    let caller = caller.credential_id().ok_or(TokenError::Internal);
    key.map(|key| Ok(IdempotencyKey::new(key, *caller?, digest, response)))
        .transpose()
}
