//! What a gateway is answered.

use axum::http::header::{CACHE_CONTROL, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use countersign::Principal;
use countersign::rejection::{ProblemDetails, RejectBody as _, Rejection};

const SUBJECT: HeaderName = HeaderName::from_static("countersign-subject");
const SCOPES: HeaderName = HeaderName::from_static("countersign-scopes");
const SCHEME: HeaderName = HeaderName::from_static("countersign-scheme");
const ACCOUNT: HeaderName = HeaderName::from_static("countersign-account");
const ENVIRONMENT: HeaderName = HeaderName::from_static("countersign-environment");
const CREDENTIAL: HeaderName = HeaderName::from_static("countersign-credential");
const ISSUER: HeaderName = HeaderName::from_static("countersign-issuer");

/// Whether the original request is allowed, and whose it is. A public request may be that of no principal.
pub(super) struct Decision(pub(super) Result<Option<Principal>, Rejection>);

impl IntoResponse for Decision {
    fn into_response(self) -> Response {
        match self.0 {
            Ok(principal) => {
                let no_store = [(CACHE_CONTROL, HeaderValue::from_static("no-store"))];
                let identity = principal.as_ref().map(identity).unwrap_or_default();
                (StatusCode::OK, no_store, identity).into_response()
            }
            Err(rejection) => rejected(rejection),
        }
    }
}

/// Returns the headers that say who the caller is. Names without a value are left out.
fn identity(principal: &Principal) -> HeaderMap {
    let id = |id: Option<&countersign::Id>| id.map(ToString::to_string);
    let headers = [
        (SUBJECT, Some(encoded(principal.subject()))),
        (SCOPES, Some(principal.scopes().to_string())),
        (SCHEME, Some(principal.scheme().as_str().to_owned())),
        (ACCOUNT, id(principal.account())),
        (ENVIRONMENT, id(principal.environment())),
        (CREDENTIAL, id(principal.credential_id())),
        (ISSUER, principal.issuer().map(encoded)),
    ];
    let present = headers.into_iter().filter_map(|(name, value)| {
        let value = value.filter(|value| !value.is_empty())?;
        // Subjects and issuers are encoded, and all other values are printable.
        Some((name, HeaderValue::try_from(value).ok()?))
    });
    present.collect()
}

/// Percent-encodes everything but printable ASCII, and `%`, so that different texts stay different in a header.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'%' => encoded.push_str("%25"),
            byte if byte.is_ascii_graphic() => encoded.push(char::from(byte)),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Returns the response for the client, which the gateway passes on. All challenges are in one line, since some gateways
/// pass on only one.
fn rejected(rejection: Rejection) -> Response {
    let body: Response = ProblemDetails.reject(&rejection);
    let (described, body) = body.into_parts();
    let (mut head, _) = rejection.into_response().into_parts();
    head.headers.extend(described.headers);
    let challenges = head.headers.get_all(WWW_AUTHENTICATE).iter();
    let challenges: Vec<&[u8]> = challenges.map(HeaderValue::as_bytes).collect();
    if challenges.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&challenges.join(&b", "[..]))
    {
        head.headers.insert(WWW_AUTHENTICATE, joined);
    }
    Response::from_parts(head, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_texts_stay_different_in_a_header() {
        for (text, expected) in [
            ("auth0|7", "auth0|7"),
            ("a@b.example", "a@b.example"),
            ("spiffe://a/b", "spiffe://a/b"),
            (" a", "%20a"),
            ("a\r\nb: c", "a%0D%0Ab:%20c"),
            ("50%", "50%25"),
            ("%20a", "%2520a"),
            ("ä", "%C3%A4"),
        ] {
            assert_eq!(encoded(text), expected);
        }
    }
}
