//! The MACs of the chain.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key};

/// What a MAC is stored as.
pub(super) type MacBytes = [u8; 32];

/// The key of the chain's MACs. It lives as long as the log: no record can be given another MAC.
#[derive(Clone)]
pub(crate) struct AuditKey(Key);

/// How far a chain goes: the number and the MAC of its last record.
#[derive(Clone, Copy)]
pub(super) struct End {
    pub(super) number: i64,
    pub(super) mac: MacBytes,
}

/// A record as it is stored, without its MAC.
pub(super) struct Link<'a> {
    pub(super) number: i64,
    pub(super) at: i64,
    pub(super) actor: &'a str,
    pub(super) request_id: Option<&'a str>,
    pub(super) action: &'a str,
    pub(super) account: Option<&'a [u8]>,
    pub(super) entity: Option<&'a [u8]>,
    /// The text itself: the same object may be written in more than one way.
    pub(super) detail: &'a str,
}

impl End {
    /// Where every chain begins.
    pub(super) const GENESIS: Self = Self {
        number: 0,
        mac: [0; 32],
    };
}

impl AuditKey {
    pub(super) const LEN: usize = 32;

    pub(super) fn new(secret: &[u8]) -> Option<Self> {
        let secret: &[u8; Self::LEN] = secret.try_into().ok()?;
        Some(Self(Key::new(HMAC_SHA256, secret)))
    }

    /// The MAC of the record that comes after the one with the MAC `previous`.
    pub(super) fn of_record(&self, previous: &MacBytes, link: &Link<'_>) -> Framed {
        self.domain(b"audit/v1")
            .part(previous)
            .part(&link.number.to_be_bytes())
            .part(&link.at.to_be_bytes())
            .part(link.actor.as_bytes())
            .optional(link.request_id.map(str::as_bytes))
            .part(link.action.as_bytes())
            .optional(link.account)
            .optional(link.entity)
            .part(link.detail.as_bytes())
    }

    /// The MAC of a head. In a domain of its own, so that no record's MAC is ever a head's.
    pub(super) fn of_head(&self, end: &End) -> Framed {
        self.domain(b"audit-head/v1")
            .part(&end.number.to_be_bytes())
            .part(&end.mac)
    }

    fn domain(&self, text: &[u8]) -> Framed {
        Framed(Context::with_key(&self.0)).part(text)
    }
}

/// A MAC over parts framed by their lengths, so that no two lists of parts have the same bytes.
pub(super) struct Framed(Context);

impl Framed {
    pub(super) fn bytes(self) -> MacBytes {
        let mut bytes = [0; 32];
        // As long as each other: HMAC-SHA256 has 32 bytes.
        for (byte, made) in bytes.iter_mut().zip(self.0.sign().as_ref()) {
            *byte = *made;
        }
        bytes
    }

    /// In constant time: a MAC that can be guessed byte by byte can be forged.
    pub(super) fn is(self, mac: &[u8]) -> bool {
        verify_slices_are_equal(&self.bytes(), mac).is_ok()
    }

    fn part(self, bytes: &[u8]) -> Self {
        self.framed(&[], bytes)
    }

    /// A byte says whether there is one: nothing is not the same as an empty text.
    fn optional(self, bytes: Option<&[u8]>) -> Self {
        match bytes {
            Some(bytes) => self.framed(&[1], bytes),
            None => self.framed(&[0], &[]),
        }
    }

    fn framed(mut self, mark: &[u8], bytes: &[u8]) -> Self {
        let length = (mark.len() + bytes.len()) as u64;
        self.0.update(&length.to_be_bytes());
        self.0.update(mark);
        self.0.update(bytes);
        self
    }
}
