use std::time::Duration;

use countersign::Id;
use countersign_cli::schema;
use countersign_store::FeedCursor;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use utoipa::IntoParams;

/// The longest text that a verifier sends, in bytes.
const LONGEST: usize = 128;

/// The question of a verifier.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct FeedQuery {
    /// A random id of the verifier, which is new at each of its starts.
    #[param(value_type = schema::Id, inline)]
    pub(super) verifier: Id,
    /// A text that the answer contains.
    #[serde(deserialize_with = "text")]
    #[param(min_length = 1, max_length = 128, pattern = "^[0-9A-Za-z_-]+$")]
    pub(super) nonce: String,
    /// The age up to which the verifier uses an answer. The answer says what the server permits.
    #[param(minimum = 0)]
    max_staleness_ms: u32,
    /// How long the answer may wait for a change: at most a fifth of the bound, and half of `request_timeout`.
    #[serde(default)]
    #[param(minimum = 0, required = false)]
    wait_ms: u32,
    /// The history of `after`.
    #[serde(default, deserialize_with = "optional_text")]
    #[param(
        min_length = 1,
        max_length = 128,
        pattern = "^[0-9A-Za-z_-]+$",
        required = false
    )]
    history: Option<String>,
    /// The number of the last change that the verifier has applied. Without it, and if the changes are not known any more, the
    /// answer contains the whole state.
    #[serde(default)]
    #[param(minimum = 0, required = false)]
    after: Option<u64>,
}

impl FeedQuery {
    pub(super) fn max_staleness(&self) -> Duration {
        Duration::from_millis(self.max_staleness_ms.into())
    }

    pub(super) fn wait(&self) -> Duration {
        Duration::from_millis(self.wait_ms.into())
    }

    /// Returns the place in the log up to which the verifier has applied everything.
    pub(super) fn cursor(&self) -> Option<FeedCursor> {
        let (history, applied) = self.history.as_deref().zip(self.after)?;
        Some(FeedCursor {
            history: history.into(),
            applied: i64::try_from(applied).ok()?,
        })
    }
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let is_valid = (1..=LONGEST).contains(&text.len()) && text.bytes().all(is_plain);
    is_valid
        .then_some(text)
        .ok_or_else(|| D::Error::custom("not 1 to 128 letters, digits, hyphens and underscores"))
}

fn optional_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    text(deserializer).map(Some)
}
