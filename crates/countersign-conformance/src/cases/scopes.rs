//! Scopes. The suite sends these requests to the route that requires [`SCOPE`].

use super::request::{bearer, valid};
use crate::Expected::{Accepted, InsufficientScope};
use crate::Group::Scopes;
use crate::Level::Must;
use crate::case::{Case, case};

/// The scope that the route requires.
pub(crate) const SCOPE: &str = "calls:write";

pub(crate) const CASES: &[Case] = &[
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
        valid,
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
        "a scope that only starts with the required one is insufficient",
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
