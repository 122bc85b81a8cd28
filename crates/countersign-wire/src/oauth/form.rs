//! `application/x-www-form-urlencoded`, read strictly: UTF-8, and no parameter twice (RFC 6749 §3.2).

use bytes::Bytes;
use countersign::Secret;
use countersign::credentials::Credentials;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use percent_encoding::percent_decode_str;

use crate::{FieldError, FieldErrorCode, TokenError};

const MEDIA_TYPE: &str = "application/x-www-form-urlencoded";
/// More parameters than any client sends.
const MAX_PARAMETERS: usize = 64;

/// The flaw of one parameter, or of the whole.
pub(crate) fn flaw(field: &'static str, code: FieldErrorCode, message: &'static str) -> TokenError {
    TokenError::invalid(FieldError::new(field, code, message))
}

/// The parameters of a form, or of a query. Some are secret, so all are kept as if they were.
pub(crate) struct Form(Vec<(Secret, Secret)>);

impl Form {
    pub(super) fn parse(headers: &HeaderMap, body: &Bytes) -> Result<Self, TokenError> {
        let media_type = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let is_form = media_type
            .and_then(|value| value.split(';').next())
            .is_some_and(|value| value.trim().eq_ignore_ascii_case(MEDIA_TYPE));
        if !is_form {
            let message = "the body must be application/x-www-form-urlencoded";
            return Err(flaw("body", FieldErrorCode::Malformed, message));
        }
        let text = std::str::from_utf8(body).map_err(|_| unreadable("body"))?;
        Self::read(text, "body")
    }

    /// The parameters of a request's query, read as strictly.
    pub(crate) fn of_query(query: Option<&str>) -> Result<Self, TokenError> {
        Self::read(query.unwrap_or_default(), "query")
    }

    fn read(text: &str, whole: &'static str) -> Result<Self, TokenError> {
        let mut parameters: Vec<(Secret, Secret)> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name).ok_or_else(|| unreadable(whole))?;
            let value = decode(value).ok_or_else(|| unreadable(whole))?;
            // RFC 8707 §2 alone lets a parameter be repeated.
            if name.expose() != "resource" && is_in(&parameters, &name) {
                return Err(flaw(
                    whole,
                    FieldErrorCode::Malformed,
                    "a parameter is repeated",
                ));
            }
            if parameters.len() == MAX_PARAMETERS {
                return Err(flaw(
                    whole,
                    FieldErrorCode::Malformed,
                    "there are too many parameters",
                ));
            }
            parameters.push((name, value));
        }
        Ok(Self(parameters))
    }

    /// A parameter's value. One without a value counts as absent (RFC 6749 §3.2).
    pub(crate) fn take(&mut self, name: &str) -> Option<Secret> {
        let at = self
            .0
            .iter()
            .position(|(known, _)| known.expose() == name)?;
        let (_, value) = self.0.swap_remove(at);
        (!value.expose().is_empty()).then_some(value)
    }

    /// The client's credentials, where they are here (RFC 6749 §2.3.1, `client_secret_post`).
    pub(super) fn take_client(&mut self) -> Result<Option<Credentials>, TokenError> {
        match (self.take("client_id"), self.take("client_secret")) {
            (Some(id), Some(secret)) => Ok(Some(Credentials::client(id, secret))),
            (None, Some(_)) => Err(flaw(
                "client_id",
                FieldErrorCode::Missing,
                "client_id is missing",
            )),
            // A public client names itself. There are none here.
            (_, None) => Ok(None),
        }
    }

    /// The one resource asked for: a token has one audience.
    pub(super) fn take_resource(&mut self) -> Result<Option<String>, TokenError> {
        let first = self.take("resource");
        if self.take("resource").is_some() {
            return Err(TokenError::InvalidTarget);
        }
        Ok(first.map(|resource| resource.expose().to_owned()))
    }
}

fn unreadable(whole: &'static str) -> TokenError {
    let message = match whole {
        "query" => "the query is not valid",
        _ => "the form is not valid",
    };
    flaw(whole, FieldErrorCode::Malformed, message)
}

fn is_in(parameters: &[(Secret, Secret)], name: &Secret) -> bool {
    parameters
        .iter()
        .any(|(known, _)| known.expose() == name.expose())
}

/// Form-decodes one name or value: `+` is a space, `%XX` a byte of UTF-8.
pub(super) fn decode(text: &str) -> Option<Secret> {
    let spaced = zeroize::Zeroizing::new(text.replace('+', " "));
    let mut after_percent = spaced.split('%').skip(1);
    if after_percent.any(|rest| !rest.as_bytes().get(..2).is_some_and(is_hex)) {
        return None;
    }
    let decoded = percent_decode_str(&spaced).decode_utf8().ok()?;
    Some(Secret::from(decoded.into_owned()))
}

fn is_hex(digits: &[u8]) -> bool {
    digits.iter().all(u8::is_ascii_hexdigit)
}
