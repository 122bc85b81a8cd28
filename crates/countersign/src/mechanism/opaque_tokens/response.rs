//! The response of an introspection endpoint (RFC 7662 §2.2).

use super::answers::Answer;
use crate::jose::json::{self, Value, members};
use crate::reason::Reason;
use crate::time::Timestamp;
use crate::token::{TrustedIssuer, check_introspected};

members! {
    /// The members that are not claims of the token.
    struct Response<'a> {
        active: bool = "active",
        token_type: Value<'a> = "token_type",
        token_use: Value<'a> = "token_use",
    }
}

/// Reads a response. Only `"active":true` accepts a token, and only with the claims that its issuer's signed tokens need.
pub(super) fn read(response: Vec<u8>, issuer: &TrustedIssuer, now: Timestamp) -> Answer {
    let parsed: Option<Response<'_>> = json::object(&response);
    let is_access_token = parsed.as_ref().is_some_and(Response::is_access_token);
    match parsed.and_then(|response| response.active) {
        None => return Answer::Unavailable(Reason::IntrospectionFailed),
        Some(false) => return Answer::Rejected(Reason::TokenInactive, None),
        Some(true) if !is_access_token => return Answer::Rejected(Reason::TypeRejected, None),
        Some(true) => {}
    }
    match check_introspected(response, issuer, now) {
        Ok(identity) => Answer::Accepted(identity),
        Err(rejection) => Answer::Rejected(rejection.reason, rejection.explanation),
    }
}

impl Response<'_> {
    /// Returns whether the members that some issuers use to tell access tokens from refresh tokens name no other kind. A
    /// refresh token is active too.
    fn is_access_token(&self) -> bool {
        is_one_of(&self.token_type, &["Bearer", "access_token"])
            && is_one_of(&self.token_use, &["access_token", "access"])
    }
}

/// Returns whether a member has one of these values, or none.
fn is_one_of(member: &Option<Value<'_>>, known: &[&str]) -> bool {
    let is_known = |text: &str| known.iter().any(|known| known.eq_ignore_ascii_case(text));
    match member {
        None | Some(Value::Null) => true,
        Some(value) => value.text().is_ok_and(is_known),
    }
}
