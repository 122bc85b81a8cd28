//! The chain of MACs that protects the audit log.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use countersign::random::Random;
use zeroize::Zeroizing;

use crate::error::{StoreError, corrupt};
use crate::secrets::{SealContext, Sealer, framed};

pub(crate) type MacBytes = [u8; 32];

/// The key of the MACs. It never changes, because the MACs of existing records cannot change.
#[derive(Clone)]
pub(crate) struct AuditKey(Key);

/// The end of a chain: the number and the MAC of its last record.
#[derive(Clone, Copy)]
pub(crate) struct ChainEnd {
    pub(crate) number: i64,
    pub(crate) mac: MacBytes,
}

/// A record as it is stored, without its MAC.
pub(crate) struct ChainedRecord<'a> {
    pub(crate) number: i64,
    pub(crate) at: i64,
    pub(crate) actor: &'a str,
    pub(crate) request_id: Option<&'a str>,
    pub(crate) action: &'a str,
    pub(crate) account: Option<&'a [u8]>,
    pub(crate) entity: Option<&'a [u8]>,
    /// The stored JSON text, because one object can be written in several ways.
    pub(crate) detail: &'a str,
}

impl ChainEnd {
    /// The end of a chain without records.
    pub(crate) const GENESIS: Self = Self {
        number: 0,
        mac: [0; 32],
    };
}

impl AuditKey {
    /// Returns the context in which the key is encrypted.
    pub(crate) fn context() -> SealContext {
        SealContext::new("audit_head", &[], "the key of the audit log")
    }

    pub(super) fn new(secret: &[u8]) -> Option<Self> {
        let secret: &[u8; 32] = secret.try_into().ok()?;
        Some(Self(Key::new(HMAC_SHA256, secret)))
    }

    /// Creates a random key. Returns it, and its ciphertext.
    pub(crate) fn generate(
        sealer: &Sealer,
        random: &dyn Random,
    ) -> Result<(Self, Vec<u8>), StoreError> {
        let mut secret = Zeroizing::new([0; 32]);
        random.fill(secret.as_mut())?;
        let sealed = sealer.seal(&Self::context(), secret.as_ref(), random)?;
        Ok((Self(Key::new(HMAC_SHA256, secret.as_ref())), sealed))
    }

    /// Decrypts the key.
    pub(crate) fn open(sealed: &[u8], sealer: &Sealer) -> Result<Self, StoreError> {
        let secret = sealer.open(&Self::context(), sealed)?;
        Self::new(&secret).map_or_else(|| corrupt("the key of the audit log"), Ok)
    }

    /// Returns the MAC of the record after the one with the MAC `previous`.
    pub(crate) fn record_mac(&self, previous: &MacBytes, record: &ChainedRecord<'_>) -> MacBytes {
        self.mac(&[
            b"audit/v1",
            previous,
            &record.number.to_be_bytes(),
            &record.at.to_be_bytes(),
            record.actor.as_bytes(),
            &optional(record.request_id.map(str::as_bytes)),
            record.action.as_bytes(),
            &optional(record.account),
            &optional(record.entity),
            record.detail.as_bytes(),
        ])
    }

    /// Returns the MAC of a chain's end, in a domain of its own: the MAC of a record is never that of an end.
    pub(crate) fn end_mac(&self, end: &ChainEnd) -> MacBytes {
        self.mac(&[b"audit-head/v1", &end.number.to_be_bytes(), &end.mac])
    }

    fn mac(&self, parts: &[&[u8]]) -> MacBytes {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(sign(&self.0, &framed(parts)).as_ref());
        bytes
    }
}

/// Compares in constant time: a MAC that can be guessed byte by byte can be forged.
pub(crate) fn is_equal(one: &MacBytes, other: &[u8]) -> bool {
    verify_slices_are_equal(one, other).is_ok()
}

/// Puts a byte in front that says whether there is a value, to distinguish none from an empty one.
fn optional(bytes: Option<&[u8]>) -> Vec<u8> {
    bytes.map_or_else(|| vec![0], |bytes| [&[1], bytes].concat())
}
