use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::chain::{AuditKey, ChainEnd, MacBytes, is_equal};

/// The end of the audit log at some moment, as the text `NUMBER:MAC` with the MAC in base64url.
///
/// A checkpoint is not secret. Store it where an attacker with write access to the database cannot change it: a log
/// that was rolled back or truncated since then no longer contains it, even if the attacker also restored the stored
/// end of the log.
///
/// ```
/// use countersign_store::Checkpoint;
///
/// let text = "41:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
/// let checkpoint: Checkpoint = text.parse()?;
/// assert_eq!(checkpoint.number(), 41);
/// assert_eq!(checkpoint.to_string(), text);
/// assert!("41".parse::<Checkpoint>().is_err());
/// # Ok::<(), countersign_store::InvalidCheckpoint>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub(crate) number: i64,
    pub(crate) mac: MacBytes,
}

impl Checkpoint {
    /// Returns the number of the last record at that moment; 0 if there was none.
    #[must_use]
    pub const fn number(&self) -> i64 {
        self.number
    }

    pub(crate) fn of(end: &ChainEnd, key: &AuditKey) -> Self {
        Self {
            number: end.number,
            mac: key.end_mac(end),
        }
    }

    /// Returns whether it was taken of the chain that ends there.
    pub(crate) fn is_of(&self, end: &ChainEnd, key: &AuditKey) -> bool {
        self.number == end.number && is_equal(&key.end_mac(end), &self.mac)
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number, URL_SAFE_NO_PAD.encode(self.mac))
    }
}

impl FromStr for Checkpoint {
    type Err = InvalidCheckpoint;

    /// Accepts only the form that [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, InvalidCheckpoint> {
        let parse = || {
            let (number, mac) = text.split_once(':')?;
            let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
            Some(Self {
                number: number.parse().ok()?,
                mac: mac.try_into().ok()?,
            })
        };
        parse()
            .filter(|checkpoint| checkpoint.number >= 0 && checkpoint.to_string() == text)
            .ok_or(InvalidCheckpoint)
    }
}

impl serde::Serialize for Checkpoint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The error for a text that is not a [`Checkpoint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a checkpoint: `NUMBER:MAC` is expected, as `audit verify` printed it")]
pub struct InvalidCheckpoint;
