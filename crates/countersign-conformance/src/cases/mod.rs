//! The cases, a module for each [`Group`](crate::Group).

mod claims;
mod encoding;
mod headers;
mod keys;
mod request;
mod scopes;
mod signature;

use crate::case::Case;

pub(crate) use request::bearer;
pub(crate) use scopes::SCOPE;

/// All cases, in the order in which they run.
pub(crate) const ALL: [&[Case]; 6] = [
    headers::CASES,
    signature::CASES,
    encoding::CASES,
    claims::CASES,
    scopes::CASES,
    keys::CASES,
];
