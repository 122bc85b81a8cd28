//! `application/x-www-form-urlencoded`, in forms and queries, read strictly: UTF-8, and no parameter twice
//! (RFC 6749 §3.2).

use countersign::Secret;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use percent_encoding::percent_decode_str;

use crate::error::{FieldErrorCode, TokenError};

const MEDIA_TYPE: &str = "application/x-www-form-urlencoded";
/// More parameters than any client sends.
const MAX_PARAMETERS: usize = 64;

/// The parameters of a form or of a query. Some are secret, so all are held as secrets.
pub(crate) struct Form(Vec<(Secret, Secret)>);

impl Form {
    /// Parses a body.
    pub(crate) fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Self, TokenError> {
        let media_type = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let is_form = media_type
            .and_then(|value| value.split(';').next())
            .is_some_and(|value| value.trim().eq_ignore_ascii_case(MEDIA_TYPE));
        if !is_form {
            let message = "the body must be application/x-www-form-urlencoded";
            return Err(malformed("body", message));
        }
        let text = std::str::from_utf8(body);
        Self::read(text.map_err(|_| undecodable("body"))?, "body")
    }

    /// Parses the query of a request.
    pub(crate) fn parse_query(query: Option<&str>) -> Result<Self, TokenError> {
        Self::read(query.unwrap_or_default(), "query")
    }

    fn read(text: &str, place: &'static str) -> Result<Self, TokenError> {
        let mut parameters: Vec<(Secret, Secret)> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name).ok_or_else(|| undecodable(place))?;
            let value = decode(value).ok_or_else(|| undecodable(place))?;
            let is_repeated = parameters
                .iter()
                .any(|(known, _)| known.expose() == name.expose());
            // Only `resource` may be repeated (RFC 8707 §2).
            if is_repeated && name.expose() != "resource" {
                return Err(malformed(place, "a parameter is repeated"));
            }
            if parameters.len() == MAX_PARAMETERS {
                return Err(malformed(place, "there are too many parameters"));
            }
            parameters.push((name, value));
        }
        Ok(Self(parameters))
    }

    /// Takes the value of a parameter. One without a value counts as missing (RFC 6749 §3.2).
    pub(crate) fn take(&mut self, name: &str) -> Option<Secret> {
        let mut parameters = self.0.iter();
        let at = parameters.position(|(known, _)| known.expose() == name)?;
        let (_, value) = self.0.swap_remove(at);
        (!value.expose().is_empty()).then_some(value)
    }
}

fn malformed(place: &'static str, message: &'static str) -> TokenError {
    TokenError::field(place, FieldErrorCode::Malformed, message)
}

fn undecodable(place: &'static str) -> TokenError {
    let message = match place {
        "query" => "the query is not valid",
        _ => "the form is not valid",
    };
    malformed(place, message)
}

/// Decodes a name or a value: `+` is a space, and `%XX` is a byte of UTF-8.
pub(crate) fn decode(text: &str) -> Option<Secret> {
    if !text.contains(['+', '%']) {
        return Some(Secret::from(text.to_owned()));
    }
    let spaced = zeroize::Zeroizing::new(text.replace('+', " "));
    let is_hex = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
    let mut after_percent = spaced.split('%').skip(1);
    if after_percent.any(|rest| !rest.as_bytes().get(..2).is_some_and(is_hex)) {
        return None;
    }
    let decoded = percent_decode_str(&spaced).decode_utf8().ok()?;
    Some(Secret::from(decoded.into_owned()))
}
