//! Scopes: what a credential or token may do, as patterns over segments.
//!
//! A scope consists of up to eight segments of `[A-Za-z0-9_.-]+`, joined by `:`, at most 128 bytes.
//! The segment `*` matches any one segment; as the last one it matches one or more. One scope *grants*
//! another if it covers everything that the other covers:
//!
//! ```
//! use countersign::{Scope, Scopes};
//!
//! let held: Scopes = "wallet:* calls:read".parse()?;
//! assert!(held.grants(&"wallet:payments:refund".parse::<Scope>()?));
//! assert!(!held.grants(&"wallet".parse::<Scope>()?)); // `*` does not match zero segments
//! assert!(!held.grants(&"calls:*".parse::<Scope>()?)); // wider than `calls:read`
//! # Ok::<(), countersign::scope::InvalidScope>(())
//! ```
//!
//! The scopes of external issuers follow rules of their own. They are *opaque*: compared for equality
//! only, and `*` has no meaning in them.

mod pattern;
mod scopes;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

pub use pattern::InvalidScope;
pub(crate) use pattern::check_scope_token;
pub use scopes::Scopes;
pub(crate) use scopes::SharedScopes;

/// One scope.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Scope(Box<str>);

impl Scope {
    /// Returns the text of the scope.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether this scope covers everything that `other` covers.
    #[must_use]
    pub fn grants(&self, other: &Self) -> bool {
        pattern::covers(&self.0, &other.0)
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    /// Parses one scope.
    ///
    /// # Errors
    ///
    /// [`InvalidScope`] if the text breaks a rule of the [module](self).
    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        pattern::check(text)?;
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({})", self.0)
    }
}
