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

impl Case {
    /// Returns every case, in the order in which they run.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        [
            headers::CASES,
            signature::CASES,
            encoding::CASES,
            claims::CASES,
            scopes::CASES,
            keys::CASES,
        ]
        .into_iter()
        .flatten()
    }
}
