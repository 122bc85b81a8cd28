//! Scopes. The suite sends these requests to the route that requires [`SCOPE`].

use super::request::{bearer, valid};
use crate::case::cases;

/// The scope that the route requires.
pub(crate) const SCOPE: &str = "calls:write";

cases! {
    Scopes;
    Must Accepted "a token with the scope is accepted", "RFC 9068 §4":
        |issuer| bearer(issuer.token().scope(SCOPE).sign());
    Must Accepted "a token with the scope among others is accepted", "RFC 6749 §3.3":
        |issuer| bearer(issuer.token().scope("calls:read calls:write a").sign());
    Must InsufficientScope "a token without scopes is insufficient", "RFC 6750 §3.1":
        valid;
    Must InsufficientScope "a token with another scope is insufficient", "RFC 6750 §3.1":
        |issuer| bearer(issuer.token().scope("calls:read").sign());
    Must InsufficientScope "a scope that only starts with the required one is insufficient", "RFC 6749 §3.3":
        |issuer| bearer(issuer.token().scope("calls:writes").sign());
    Must InsufficientScope "a scope in another case is insufficient", "RFC 6749 §3.3":
        |issuer| bearer(issuer.token().scope("CALLS:WRITE").sign());
}
