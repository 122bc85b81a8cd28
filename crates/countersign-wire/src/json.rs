//! Strict JSON: no member twice at any depth, even if it is escaped; no lone surrogates; nothing after the value. Numbers
//! stay text, so that one too large for any machine type is still a number.

use std::collections::HashSet;
use std::fmt;

use countersign::Secret;
use serde::de::{Deserializer as _, Error as _, MapAccess, Visitor};
use serde_json::value::{RawValue, Value};

use crate::error::{FieldError, FieldErrorCode};

/// Deeper than any request, and far from the end of a stack.
const MAX_DEPTH: usize = 16;

/// A JSON value. Strings may be secret, so all of them are held as secrets.
#[derive(Clone, Debug)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(Box<str>),
    Text(Secret),
    Array(Vec<Self>),
    Object(Object),
}

/// The members of a JSON object. Readers take those that they know, and ignore the others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object(Vec<(String, Json)>);

impl Object {
    /// Parses a body that is a JSON object.
    ///
    /// # Errors
    ///
    /// Returns a [`FieldError`] of `body` if it is not JSON, or not an object.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, FieldError> {
        parse(body)?.into_object()
    }

    /// Takes the value of a member. `null` is a value.
    pub(crate) fn take(&mut self, name: &str) -> Option<Json> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(at).1)
    }
}

/// Parses a body that is a JSON value.
///
/// # Errors
///
/// Returns a [`FieldError`] of `body` if it is not JSON.
pub(crate) fn parse(body: &[u8]) -> Result<Json, FieldError> {
    let text = std::str::from_utf8(body).map_err(|_| malformed("the body is not UTF-8"))?;
    let raw: &RawValue =
        serde_json::from_str(text).map_err(|_| malformed("the body is not JSON"))?;
    read(raw.get(), MAX_DEPTH)
}

fn malformed(message: &'static str) -> FieldError {
    FieldError::new("body", FieldErrorCode::Malformed, message)
}

/// Reads a value of valid syntax.
fn read(raw: &str, depth: usize) -> Result<Json, FieldError> {
    let inner = || {
        let depth = depth.checked_sub(1);
        depth.ok_or_else(|| malformed("the body is nested too deeply"))
    };
    Ok(match raw.as_bytes().first() {
        Some(b'{') => {
            let depth = inner()?;
            let mut object = serde_json::Deserializer::from_str(raw);
            let members = object.deserialize_map(MembersVisitor).map_err(|_| {
                malformed("the body has a member twice, or one whose name is not Unicode")
            })?;
            let members = members
                .into_iter()
                .map(|(name, raw)| Ok((name, read(raw.get(), depth)?)));
            Json::Object(Object(members.collect::<Result<_, _>>()?))
        }
        Some(b'[') => {
            let depth = inner()?;
            let items: Vec<&RawValue> =
                serde_json::from_str(raw).map_err(|_| malformed("the body is not JSON"))?;
            let items = items.into_iter().map(|raw| read(raw.get(), depth));
            Json::Array(items.collect::<Result<_, _>>()?)
        }
        Some(b'"') => {
            let text: String = serde_json::from_str(raw)
                .map_err(|_| malformed("the body has a text that is not Unicode"))?;
            Json::Text(Secret::from(text))
        }
        Some(b't') => Json::Bool(true),
        Some(b'f') => Json::Bool(false),
        Some(b'n') => Json::Null,
        _ => Json::Number(raw.into()),
    })
}

impl Json {
    /// Returns the object that this value is.
    ///
    /// # Errors
    ///
    /// Returns a [`FieldError`] of `body` if it is another value.
    pub(crate) fn into_object(self) -> Result<Object, FieldError> {
        match self {
            Self::Object(object) => Ok(object),
            _ => Err(malformed("the body must be a JSON object")),
        }
    }

    /// Returns the text that this value is, if it is one.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.expose()),
            _ => None,
        }
    }

    /// Returns a number of seconds.
    ///
    /// # Errors
    ///
    /// Returns [`FieldErrorCode::InvalidType`] if the value is not an integer, and [`FieldErrorCode::OutOfRange`] if it
    /// is negative or too large for any machine type.
    pub(crate) fn seconds(&self) -> Result<u64, FieldErrorCode> {
        let Self::Number(text) = self else {
            return Err(FieldErrorCode::InvalidType);
        };
        if let Ok(seconds) = text.parse() {
            return Ok(seconds);
        }
        // `1e3` and `1000.0` are integers too.
        let number: f64 = text.parse().map_err(|_| FieldErrorCode::InvalidType)?;
        if number.is_finite() && number.fract() != 0.0 {
            return Err(FieldErrorCode::InvalidType);
        }
        if !(0.0..9e15).contains(&number) {
            return Err(FieldErrorCode::OutOfRange);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an integer between 0 and 9e15"
        )]
        Ok(number as u64)
    }

    /// Returns the value for the response to its sender, without what may be secret.
    pub(crate) fn to_public_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(text) => {
                serde_json::from_str(text).unwrap_or_else(|_| Value::from("a number out of range"))
            }
            Self::Text(text) => Value::from(redact(text.expose())),
            Self::Array(items) => items.iter().map(Self::to_public_value).collect(),
            Self::Object(Object(members)) => {
                let member =
                    |(name, value): &(String, Self)| (name.clone(), public_member(name, value));
                Value::Object(members.iter().map(member).collect())
            }
        }
    }
}

/// Returns the value of a member for the response to its sender, redacted if the name is that of a secret.
pub(crate) fn public_member(name: &str, value: &Json) -> Value {
    const SECRETS: [&str; 6] = [
        "secret",
        "password",
        "token",
        "key",
        "credential",
        "authorization",
    ];
    let name = name.to_ascii_lowercase();
    if SECRETS.iter().any(|word| name.contains(word)) {
        Value::from("[redacted]")
    } else {
        value.to_public_value()
    }
}

/// Redacts a text that may be a key, a secret or a token: they are long, and have no separators.
pub(crate) fn redact(text: &str) -> &str {
    let of_secret = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let mut words = text.as_bytes().split(|&byte| !of_secret(byte));
    if words.any(|word| word.len() >= 40) {
        "[redacted]"
    } else {
        text
    }
}

/// Reads the members of one object, each once.
struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        let mut seen = HashSet::new();
        while let Some((name, raw)) = map.next_entry::<String, &RawValue>()? {
            if !seen.insert(name.clone()) {
                return Err(A::Error::custom("the member is repeated"));
            }
            members.push((name, raw));
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_member_is_rejected_at_any_depth_and_in_any_spelling() {
        for body in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":{"b":[{"c":1,"c":2}]}}"#,
            r#"{"a":1,"\u0061":2}"#,
        ] {
            assert!(Object::parse(body.as_bytes()).is_err(), "{body}");
        }
        assert!(Object::parse(br#"{"a":{"a":1}}"#).is_ok());
    }

    #[test]
    fn body_that_is_not_one_json_object_in_unicode_is_rejected() {
        let deep = format!("{}{}", "[".repeat(17), "]".repeat(17));
        let deep = format!(r#"{{"a":{deep}}}"#);
        for body in [
            &b""[..],
            b"[]",
            b"null",
            b"{} {}",
            b"{\"a\":\"\xff\"}",
            br#"{"a":"\ud800"}"#,
            br#"{"\udfff":1}"#,
            b"\xef\xbb\xbf{}",
            b"{\"a\":01}",
            b"{'a':1}",
            b"{\"a\":1,}",
            deep.as_bytes(),
        ] {
            assert!(Object::parse(body).is_err(), "{}", body.escape_ascii());
        }
    }

    #[test]
    fn number_too_large_for_any_machine_type_is_out_of_range_and_not_malformed() {
        let many = format!(r#"{{"n":1{}}}"#, "0".repeat(400));
        for (body, wanted) in [
            (many.as_str(), Err(FieldErrorCode::OutOfRange)),
            (r#"{"n":1e400}"#, Err(FieldErrorCode::OutOfRange)),
            (r#"{"n":-1}"#, Err(FieldErrorCode::OutOfRange)),
            (
                r#"{"n":18446744073709551616}"#,
                Err(FieldErrorCode::OutOfRange),
            ),
            (r#"{"n":1.5}"#, Err(FieldErrorCode::InvalidType)),
            (r#"{"n":"1"}"#, Err(FieldErrorCode::InvalidType)),
            (r#"{"n":true}"#, Err(FieldErrorCode::InvalidType)),
            (r#"{"n":1e3}"#, Ok(1000)),
            (r#"{"n":3600}"#, Ok(3600)),
        ] {
            let member = Object::parse(body.as_bytes()).unwrap().take("n").unwrap();
            assert_eq!(member.seconds(), wanted, "{body}");
        }
    }

    #[test]
    fn value_named_like_a_secret_is_redacted() {
        let json = parse(br#"{"apiKey":"canary","a":{"Password":"canary","b":[1,null]}}"#).unwrap();
        assert_eq!(
            json.to_public_value().to_string(),
            r#"{"a":{"Password":"[redacted]","b":[1,null]},"apiKey":"[redacted]"}"#
        );
    }
}
