use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::error::Refusal;
use super::records::{self, Records};
use crate::directory::{Credential, Denial, Status};
use crate::id::Id;
use crate::jose::{HeaderBuffer, Jws, KeyError, KeySet, SigningKey, encode_into};
use crate::key::Pepper;

/// The type (`typ`) of the signed head. It is no type of a token, and no token is accepted as a head.
const TYPE: &str = "countersign-feed+jws";
/// The version of the format. A reader rejects all others.
const VERSION: u32 = 1;
/// The longest signed head, in bytes: it contains the keys of the issuer.
const MAX_HEAD: usize = 256 * 1024;

/// An answer of an issuer to a verifier: the whole state, or what has changed since the verifier asked last.
///
/// An issuer writes it with [`sign`](Self::sign). Its form is a signed head and one record on each line after it:
///
/// ```text
/// <JWS, compact serialization, typ countersign-feed+jws>
/// b <id of a credential, account or session> <lowest generation> <time>
/// t <id of a token> <time>
/// r <id of which nothing is denied any more>
/// k <an API key, as a JSON object>
/// d <id of a credential that is not one of the API keys any more>
/// a <id of an account> <generation> active|suspended|revoked
/// p <version of a pepper> own|imported <secret, in base64url>
/// ```
///
/// The last four are only in a message with [`credentials`](Self::credentials). Times are in milliseconds since 1970. The head (RFC 7515 §7.1) contains the length and the SHA-256 of the records, so that its
/// signature covers them too.
///
/// ```
/// use countersign::Id;
/// use countersign::directory::Denial;
/// use countersign::feed::FeedMessage;
/// use countersign::jose::{Algorithm, SigningKey};
/// use countersign::random::SystemRandom;
/// use countersign::time::Timestamp;
///
/// let key = SigningKey::generate(Algorithm::EdDsa, &SystemRandom)?;
/// let mut message = FeedMessage::new("https://auth.example", Id::from_bytes([1; 20]), "7hf0z");
/// message.denials.push(Denial::Below {
///     entity: Id::from_bytes([2; 20]),
///     lowest: 3,
///     until: Timestamp::from_unix_seconds(1_800_000_000),
/// });
/// let text = String::from_utf8(message.sign(&key)?.to_vec())?;
/// let record = text.lines().nth(1);
/// assert_eq!(record, Some("b 081040g2081040g2081040g2081040g2 3 1800000000000"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FeedMessage {
    /// The URL of the issuer, to whose tokens the denials and the keys apply.
    pub issuer: Arc<str>,
    /// The database that the message comes from. Several issuers may share it.
    pub cluster: Id,
    /// The history that the numbers belong to. A restored backup begins a new one.
    pub history: Arc<str>,
    /// The number of the last change before those in the message; `None` if it contains the whole state.
    pub after: Option<u64>,
    /// The number of the last change in the log when the issuer compared its view with the database.
    pub head: u64,
    /// How long before the message that comparison began.
    pub age: Duration,
    /// For how long the verifier may use the message at most. The issuer waits for the verifier for this time.
    pub max_staleness: Duration,
    /// The account that the message is restricted to; `None` if it applies to all accounts.
    pub account: Option<Id>,
    /// The text with which the verifier has marked its question, so that no earlier answer is accepted.
    pub nonce: Box<str>,
    /// The keys that verify the tokens of the issuer, as a JWK set (RFC 7517 §5) in JSON.
    pub jwks: Arc<str>,
    /// The denials of tokens of the issuer.
    pub denials: Vec<Denial>,
    /// The credentials, accounts, sessions and tokens of which nothing is denied any more. Their tokens have expired.
    pub removed: Vec<Id>,
    /// The API keys of the issuer; `None` if the verifier gets none.
    pub credentials: Option<FeedCredentials>,
}

/// The API keys in a [`FeedMessage`]: all of them, or those that have changed.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct FeedCredentials {
    /// The API keys, with the digests of their secrets.
    pub keys: Vec<Credential>,
    /// The credentials that are not among the API keys any more.
    pub removed: Vec<Id>,
    /// The accounts that have changed, with their generations and status. In the whole state there are none: each key has
    /// those of its account.
    pub accounts: Vec<(Id, u32, Status)>,
    /// The peppers of the digests in the message.
    pub peppers: Vec<Pepper>,
}

/// The signed part.
#[derive(Serialize, Deserialize)]
struct Head {
    v: u32,
    iss: Box<str>,
    cluster: Id,
    history: Box<str>,
    after: Option<u64>,
    head: u64,
    age_ms: u64,
    max_staleness_ms: u64,
    account: Option<Id>,
    nonce: Box<str>,
    jwks: Box<str>,
    credentials: bool,
    records_len: u64,
    records_sha256: String,
}

impl FeedMessage {
    /// Creates the whole state of an issuer, in which nothing is denied, without keys, and of no use until it has
    /// [`max_staleness`](Self::max_staleness).
    pub fn new(issuer: impl Into<Arc<str>>, cluster: Id, history: impl Into<Arc<str>>) -> Self {
        Self {
            issuer: issuer.into(),
            cluster,
            history: history.into(),
            after: None,
            head: 0,
            age: Duration::ZERO,
            max_staleness: Duration::ZERO,
            account: None,
            nonce: Box::default(),
            jwks: r#"{"keys":[]}"#.into(),
            denials: Vec::new(),
            removed: Vec::new(),
            credentials: None,
        }
    }

    /// Writes the message, signed with the key of the feed. That key must sign nothing else.
    ///
    /// # Errors
    ///
    /// [`KeyError::Failed`] if the message cannot be signed, or contains a credential that is no API key: password hashes are never
    /// written.
    pub fn sign(&self, key: &SigningKey) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let mut records = records::write(&self.denials, &self.removed);
        let mut peppers = Zeroizing::default();
        if let Some(credentials) = &self.credentials {
            records::write_credentials(credentials, &mut records).ok_or(KeyError::Failed)?;
            peppers = records::write_peppers(&credentials.peppers);
        }
        let head = Head {
            v: VERSION,
            iss: (*self.issuer).into(),
            cluster: self.cluster,
            history: (*self.history).into(),
            after: self.after,
            head: self.head,
            age_ms: millis_rounded_up(self.age),
            max_staleness_ms: u64::try_from(self.max_staleness.as_millis()).unwrap_or(u64::MAX),
            account: self.account,
            nonce: self.nonce.clone(),
            jwks: (*self.jwks).into(),
            credentials: self.credentials.is_some(),
            records_len: length(&[&records, &peppers]),
            records_sha256: sha256(&[&records, &peppers]),
        };
        let json = serde_json::to_string(&head).map_err(|_| KeyError::Failed)?;
        let mut message = key.header_of_type(TYPE);
        encode_into(json.as_bytes(), &mut message);
        key.sign(&mut message)?;
        // A text that grows after the peppers were written leaves a copy of them in memory.
        message.reserve_exact(1 + records.len() + peppers.len());
        message.push('\n');
        message.push_str(&records);
        message.push_str(&peppers);
        Ok(Zeroizing::new(message.into_bytes()))
    }

    /// Verifies and reads a message that a key of the feed has signed. `max_credentials` is how many API keys it may contain; `None`
    /// if none were asked for.
    pub(super) fn open(
        bytes: &[u8],
        keys: &KeySet,
        max_credentials: Option<usize>,
    ) -> Result<Self, Refusal> {
        let end = memchr::memchr(b'\n', bytes.get(..MAX_HEAD).unwrap_or(bytes));
        let (head, records) = bytes.split_at(end.ok_or(Refusal::Malformed)?);
        let records = records.get(1..).unwrap_or_default();
        let head = verified(head, keys)?;
        if head.v != VERSION {
            return Err(Refusal::Version(head.v));
        }
        match (head.credentials, max_credentials) {
            (true, None) => return Err(Refusal::UnexpectedCredentials),
            (false, Some(_)) => return Err(Refusal::NoCredentials),
            _ => {}
        }
        let records = std::str::from_utf8(records).map_err(|_| Refusal::Truncated)?;
        if head.records_len != length(&[records]) || head.records_sha256 != sha256(&[records]) {
            return Err(Refusal::Truncated);
        }
        let issuer: Arc<str> = head.iss.into();
        let Records {
            denials,
            removed,
            credentials,
        } = Records::read(records, &issuer, max_credentials)?;
        Ok(Self {
            issuer,
            cluster: head.cluster,
            history: head.history.into(),
            after: head.after,
            head: head.head,
            age: Duration::from_millis(head.age_ms),
            max_staleness: Duration::from_millis(head.max_staleness_ms),
            account: head.account,
            nonce: head.nonce,
            jwks: head.jwks.into(),
            denials,
            removed,
            credentials: head.credentials.then_some(credentials),
        })
    }
}

/// Returns the head if a key of the feed has signed it as one.
fn verified(head: &[u8], keys: &KeySet) -> Result<Head, Refusal> {
    let malformed = |_| Refusal::Malformed;
    let jws = Jws::parse(head, MAX_HEAD).map_err(malformed)?;
    let mut buffer = HeaderBuffer::new();
    let header = jws.header(&mut buffer).map_err(malformed)?;
    let header = header.checked().map_err(malformed)?;
    header.own.map_err(malformed)?;
    if header.typ != Some(TYPE) {
        return Err(Refusal::NotAFeed);
    }
    let key = keys.find(header.algorithm, header.key_id);
    let key = key.ok_or(Refusal::UnknownKey)?;
    jws.verify_signature(key).map_err(|_| Refusal::Signature)?;
    let json = jws.payload().map_err(malformed)?;
    serde_json::from_slice(&json).map_err(|_| Refusal::Malformed)
}

/// Rounds up, so that an answer never seems to be younger than it is.
fn millis_rounded_up(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

fn length(parts: &[&str]) -> u64 {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn sha256(parts: &[&str]) -> String {
    let mut digest = Context::new(&SHA256);
    for part in parts {
        digest.update(part.as_bytes());
    }
    let mut text = String::new();
    encode_into(digest.finish().as_ref(), &mut text);
    text
}
