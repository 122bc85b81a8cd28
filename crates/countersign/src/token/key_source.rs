use std::any::Any;
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::Guard;
use serde_json::Value;

use crate::BoxFuture;
use crate::jose::{Algorithm, KeySet, VerifyingKey};
use crate::reason::Reason;

/// The number of characters of a claim that are shown.
const MAX_SHOWN: usize = 200;
/// The number of characters of a `kid` that are shown.
const MAX_KEY_ID: usize = 64;
/// The number of values of a list that are shown.
const MAX_LISTED: usize = 10;
/// The number of bytes of a list after which no other value is shown.
const MAX_LIST: usize = 500;

/// Supplies the keys of an issuer that may change while the process runs, such as keys fetched over HTTP.
pub(crate) trait KeySource: Any + fmt::Debug + Send + Sync {
    /// Returns the keys to verify with, or `None` if there are none that are fresh enough.
    fn load(&self) -> Option<Guard<Arc<KeySet>>>;

    /// Returns whether [`load`](Self::load) would return keys.
    fn is_ready(&self) -> bool;

    /// Called for a token whose key is not in `seen`, the keys that [`load`](Self::load) returned. Returns the fetch to
    /// wait for, or `None` if there is none.
    fn fetch_missing(&self, seen: Option<&KeySet>, key_id: Option<&str>) -> Option<KeyFetch>;
}

/// A running fetch of keys. It completes when the fetch has ended or has taken too long, and returns how long it was
/// waited for.
pub(crate) type KeyFetch = BoxFuture<'static, Duration>;

/// The reason why a token is rejected.
pub(crate) struct TokenRejection {
    pub(crate) reason: Reason,
    /// What was found and what is configured, for the operator. It contains text of a token that may be forged.
    pub(crate) explanation: Option<Box<str>>,
    /// A fetch that may bring the key of the token. The token may be accepted after it.
    pub(crate) key_fetch: Option<KeyFetch>,
}

impl TokenRejection {
    /// Returns the rejection of a token in which a claim has none of the configured values.
    pub(super) fn unexpected<'a>(
        reason: Reason,
        claim: &str,
        found: Option<&Value>,
        configured: impl Iterator<Item = &'a str>,
    ) -> Self {
        let mut text = String::with_capacity(256);
        // Writing to a string never fails.
        let _ = match found {
            None => write!(text, "{claim} is missing, and ["),
            Some(Value::String(found)) => {
                let shown = cut(found, MAX_SHOWN);
                write!(text, "{claim} is {shown:?}, and [")
            }
            Some(Value::Array(found)) if found.iter().all(Value::is_string) => {
                let _ = write!(text, "{claim} is [");
                write_list(&mut text, found.iter().filter_map(Value::as_str));
                write!(text, "], and [")
            }
            Some(_) => write!(
                text,
                "{claim} is neither a string nor an array of strings, and ["
            ),
        };
        write_list(&mut text, configured);
        text.push_str("] is configured");
        Self::explained(reason, text)
    }

    /// Returns the rejection of a token for whose header no key of this issuer was found.
    pub(super) fn key_unknown(issuer: &str, algorithm: Algorithm, key_id: Option<&str>) -> Self {
        let explanation = match key_id.map(|id| cut(id, MAX_KEY_ID)) {
            Some(id) => format!("kid is {id:?} and alg {algorithm}, and {issuer} has no such key"),
            None => format!(
                "kid is missing and alg is {algorithm}, and {issuer} has no key for it without kid, or several"
            ),
        };
        Self::explained(Reason::KeyUnknown, explanation)
    }

    /// Returns the rejection of a token whose signature is not that of this key.
    pub(super) fn signature(reason: Reason, issuer: &str, key: &VerifyingKey) -> Self {
        match (reason, key.id().map(|id| cut(id, MAX_KEY_ID))) {
            (Reason::SignatureInvalid, Some(id)) => Self::explained(
                reason,
                format!("the signature is not that of the key of {issuer} with kid {id:?}"),
            ),
            (Reason::SignatureInvalid, None) => Self::explained(
                reason,
                format!("the signature is not that of the key of {issuer}, which has no kid"),
            ),
            _ => reason.into(),
        }
    }

    pub(super) fn explained(reason: Reason, explanation: String) -> Self {
        Self {
            explanation: Some(explanation.into()),
            ..reason.into()
        }
    }
}

/// Writes the first texts of a list, each of them cut and quoted.
fn write_list<'a>(text: &mut String, list: impl Iterator<Item = &'a str>) {
    let start = text.len();
    for (index, value) in list.enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        if index == MAX_LISTED || text.len().saturating_sub(start) > MAX_LIST {
            text.push('…');
            return;
        }
        let _ = write!(text, "{:?}", cut(value, MAX_SHOWN));
    }
}

/// Returns the first characters of a text.
fn cut(text: &str, characters: usize) -> &str {
    let end = text.char_indices().nth(characters);
    end.and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

impl From<TokenRejection> for Reason {
    fn from(rejection: TokenRejection) -> Self {
        rejection.reason
    }
}

impl From<Reason> for TokenRejection {
    fn from(reason: Reason) -> Self {
        Self {
            reason,
            explanation: None,
            key_fetch: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn explanation_shows_texts_and_lists_of_texts_only() {
        let explained = |found: Option<&Value>| {
            let configured = ["a", "b"].into_iter();
            TokenRejection::unexpected(Reason::AudienceMismatch, "aud", found, configured)
                .explanation
                .unwrap()
        };
        for (found, expected) in [
            (None, "aud is missing"),
            (Some(json!("c\n")), r#"aud is "c\n""#),
            (Some(json!(["c", "d\n"])), r#"aud is ["c", "d\n"]"#),
            (
                Some(json!(7)),
                "aud is neither a string nor an array of strings",
            ),
            (
                Some(json!(["c", {"d": "e"}])),
                "aud is neither a string nor an array of strings",
            ),
        ] {
            let explained = explained(found.as_ref());
            assert_eq!(
                *explained,
                *format!(r#"{expected}, and ["a", "b"] is configured"#)
            );
        }
    }
}
