//! Scopes. The runner sends the requests to the route that requires [`SCOPE`].

use super::Case;
use super::Expected::{Accepted, InsufficientScope};
use super::Group::Scopes;
use super::Level::Must;
use super::case::{bearer, case};

/// What the route requires.
pub(super) const SCOPE: &str = "calls:write";

pub(super) const CASES: &[Case] = &[
    case(
        Scopes,
        "a token with the scope is accepted",
        "RFC 9068 §4",
        (Must, Accepted),
        |issuer| bearer(issuer.token().scope(SCOPE).sign()),
    ),
    case(
        Scopes,
        "a token with the scope among others is accepted",
        "RFC 6749 §3.3",
        (Must, Accepted),
        |issuer| bearer(issuer.token().scope("calls:read calls:write a").sign()),
    ),
    case(
        Scopes,
        "a token without scopes is insufficient",
        "RFC 6750 §3.1",
        (Must, InsufficientScope),
        |issuer| bearer(issuer.token().sign()),
    ),
    case(
        Scopes,
        "a token with another scope is insufficient",
        "RFC 6750 §3.1",
        (Must, InsufficientScope),
        |issuer| bearer(issuer.token().scope("calls:read").sign()),
    ),
    case(
        Scopes,
        "a scope that only begins like the required one is insufficient",
        "RFC 6749 §3.3",
        (Must, InsufficientScope),
        |issuer| bearer(issuer.token().scope("calls:writes").sign()),
    ),
    case(
        Scopes,
        "a scope in another case is insufficient",
        "RFC 6749 §3.3",
        (Must, InsufficientScope),
        |issuer| bearer(issuer.token().scope("CALLS:WRITE").sign()),
    ),
];
