//! The record of an API key, as a JSON object.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::directory::{Credential, EnvironmentKind, Status, StoredSecret};
use crate::id::Id;
use crate::key::{KeyDigest, KeyDigests, SecretDigest};
use crate::time::Timestamp;

/// A key without the issuers that it may use: a message contains only keys that may use its issuer.
#[derive(Serialize, Deserialize)]
// A member that a reader does not know may restrict the key.
#[serde(deny_unknown_fields)]
struct KeyRecord<'a> {
    id: Id,
    account: Id,
    account_generation: u32,
    generation: u32,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow)]
    scopes: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<Id>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    sandbox: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    networks: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at_ms: Option<i64>,
    pepper: u32,
    #[serde(borrow)]
    digest: Cow<'a, str>,
    /// The digest of the previous secret, and the end of its grace period.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<(Cow<'a, str>, i64)>,
    /// Whether the digest is one of the whole key, which another system issued.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    imported: bool,
}

/// Returns `None` if the credential is no API key.
pub(super) fn write(key: &Credential) -> Option<String> {
    let (current, previous, imported) = match &key.secret {
        StoredSecret::Key(digests) => (digests.current, digests.previous, false),
        StoredSecret::ImportedKey(digest) => (*digest, None, true),
        StoredSecret::Password(_) | StoredSecret::Signature => return None,
    };
    let text = |digest: &SecretDigest| Cow::Owned(URL_SAFE_NO_PAD.encode(digest.as_bytes()));
    let record = KeyRecord {
        id: key.id,
        account: key.account,
        account_generation: key.account_generation,
        generation: key.generation,
        status: key.status.as_str().into(),
        scopes: key.scopes.as_str().into(),
        name: key.name.as_deref().map(Into::into),
        environment: key.environment,
        sandbox: key.environment_kind == EnvironmentKind::Sandbox,
        networks: (!key.allow_from.is_anywhere()).then(|| key.allow_from.to_string().into()),
        expires_at_ms: key.expires_at.map(Timestamp::unix_millis),
        pepper: current.pepper,
        digest: text(&current.digest),
        previous: previous.map(|(digest, until)| (text(&digest), until.unix_millis())),
        imported,
    };
    serde_json::to_string(&record).ok()
}

/// Reads what [`write`] has written.
pub(super) fn read(text: &str) -> Option<Credential> {
    let record: KeyRecord<'_> = serde_json::from_str(text).ok()?;
    let current = KeyDigest {
        pepper: record.pepper,
        digest: digest(&record.digest)?,
    };
    let previous = match record.previous {
        Some((previous, until)) => Some((digest(&previous)?, Timestamp::from_unix_millis(until))),
        None => None,
    };
    let secret = match (record.imported, previous) {
        (false, previous) => StoredSecret::Key(KeyDigests::new(current, previous)),
        (true, None) => StoredSecret::ImportedKey(current),
        (true, Some(_)) => return None,
    };
    let scopes = record.scopes.parse().ok()?;
    let mut key = Credential::new(record.id, record.account, scopes, secret);
    key.account_generation = record.account_generation;
    key.generation = record.generation;
    key.status = status(&record.status)?;
    key.name = record.name.map(|name| Arc::from(&*name));
    key.environment = record.environment;
    if record.sandbox {
        key.environment_kind = EnvironmentKind::Sandbox;
    }
    if let Some(networks) = record.networks {
        key.allow_from = networks.parse().ok()?;
    }
    key.expires_at = record.expires_at_ms.map(Timestamp::from_unix_millis);
    Some(key)
}

/// Reads the name of a status.
pub(super) fn status(name: &str) -> Option<Status> {
    let all = [Status::Active, Status::Suspended, Status::Revoked];
    all.into_iter().find(|status| status.as_str() == name)
}

fn digest(text: &str) -> Option<SecretDigest> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    bytes.try_into().ok().map(SecretDigest::from_bytes)
}
