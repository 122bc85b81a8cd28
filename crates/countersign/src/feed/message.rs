use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::error::Refusal;
use super::records;
use crate::directory::Denial;
use crate::id::Id;
use crate::jose::{HeaderBuffer, Jws, KeyError, KeySet, SigningKey, encode_into};

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
/// ```
///
/// Times are in milliseconds since 1970. The head (RFC 7515 §7.1) contains the length and the SHA-256 of the records, so that its
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
/// let text = String::from_utf8(message.sign(&key)?)?;
/// let record = text.lines().nth(1);
/// assert_eq!(record, Some("b 081040g2081040g2081040g2081040g2 3 1800000000000"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
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
        }
    }

    /// Writes the message, signed with the key of the feed. That key must sign nothing else.
    ///
    /// # Errors
    ///
    /// [`KeyError::Failed`] if the message cannot be signed.
    pub fn sign(&self, key: &SigningKey) -> Result<Vec<u8>, KeyError> {
        let records = records::write(&self.denials, &self.removed);
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
            records_len: length(&records),
            records_sha256: sha256(&records),
        };
        let json = serde_json::to_string(&head).map_err(|_| KeyError::Failed)?;
        let mut message = key.header_of_type(TYPE);
        encode_into(json.as_bytes(), &mut message);
        key.sign(&mut message)?;
        message.reserve_exact(1 + records.len());
        message.push('\n');
        message.push_str(&records);
        Ok(message.into_bytes())
    }

    /// Verifies and reads a message that a key of the feed has signed.
    pub(super) fn open(bytes: &[u8], keys: &KeySet) -> Result<Self, Refusal> {
        let end = memchr::memchr(b'\n', bytes.get(..MAX_HEAD).unwrap_or(bytes));
        let (head, records) = bytes.split_at(end.ok_or(Refusal::Malformed)?);
        let records = records.get(1..).unwrap_or_default();
        let head = verified(head, keys)?;
        if head.v != VERSION {
            return Err(Refusal::Version(head.v));
        }
        let records = std::str::from_utf8(records).map_err(|_| Refusal::Truncated)?;
        if head.records_len != length(records) || head.records_sha256 != sha256(records) {
            return Err(Refusal::Truncated);
        }
        let issuer: Arc<str> = head.iss.into();
        let (denials, removed) = records::read(records, &issuer).ok_or(Refusal::Malformed)?;
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
        })
    }
}

/// Returns the head if a key of the feed has signed it as one.
fn verified(head: &[u8], keys: &KeySet) -> Result<Head, Refusal> {
    let malformed = |_| Refusal::Malformed;
    let jws = Jws::parse(head, MAX_HEAD).map_err(malformed)?;
    let mut buffer = HeaderBuffer::new();
    let header = jws.header(&mut buffer).map_err(malformed)?;
    let (algorithm, key_id) = header.supported().map_err(malformed)?;
    header.check_own(algorithm).map_err(malformed)?;
    if header.typ() != Some(TYPE) {
        return Err(Refusal::NotAFeed);
    }
    let key = keys.find(algorithm, key_id).ok_or(Refusal::UnknownKey)?;
    jws.verify_signature(key).map_err(|_| Refusal::Signature)?;
    let json = jws.payload().map_err(malformed)?;
    serde_json::from_slice(&json).map_err(|_| Refusal::Malformed)
}

/// Rounds up, so that an answer never seems to be younger than it is.
fn millis_rounded_up(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

fn length(records: &str) -> u64 {
    u64::try_from(records.len()).unwrap_or(u64::MAX)
}

fn sha256(records: &str) -> String {
    let mut text = String::new();
    encode_into(digest(&SHA256, records.as_bytes()).as_ref(), &mut text);
    text
}
