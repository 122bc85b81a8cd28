use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::chain::{AuditKey, End, MacBytes};

/// How far the audit log went at some moment, as text `NUMBER:MAC` with the MAC in base64url. It is
/// no secret. Keep it where whoever can write the database cannot: a log that was rolled back or cut
/// since then, together with its own record of its end, no longer contains it.
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
    number: i64,
    mac: MacBytes,
}

impl Checkpoint {
    /// The number of the last record at that moment; 0 when there was none.
    #[must_use]
    pub const fn number(&self) -> i64 {
        self.number
    }

    pub(super) fn of(end: &End, key: &AuditKey) -> Self {
        Self {
            number: end.number,
            mac: key.of_head(end).bytes(),
        }
    }

    /// Whether the chain that had come as far as its number was this one.
    pub(super) fn is_of(&self, end: &End, key: &AuditKey) -> bool {
        self.number == end.number && key.of_head(end).is(&self.mac)
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number, URL_SAFE_NO_PAD.encode(self.mac))
    }
}

impl FromStr for Checkpoint {
    type Err = InvalidCheckpoint;

    /// Only the one spelling that it is printed in.
    fn from_str(text: &str) -> Result<Self, InvalidCheckpoint> {
        let (number, mac) = text.split_once(':').ok_or(InvalidCheckpoint)?;
        let mac = URL_SAFE_NO_PAD.decode(mac).map_err(|_| InvalidCheckpoint)?;
        let checkpoint = Self {
            number: number.parse().map_err(|_| InvalidCheckpoint)?,
            mac: mac.try_into().map_err(|_| InvalidCheckpoint)?,
        };
        if checkpoint.number < 0 || checkpoint.to_string() != text {
            return Err(InvalidCheckpoint);
        }
        Ok(checkpoint)
    }
}

impl serde::Serialize for Checkpoint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The text is no checkpoint: `NUMBER:MAC` is, as `audit verify` printed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidCheckpoint;

impl fmt::Display for InvalidCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a checkpoint: `NUMBER:MAC` is expected, as `audit verify` printed it")
    }
}

impl std::error::Error for InvalidCheckpoint {}
