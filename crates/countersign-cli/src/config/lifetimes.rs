//! `lifetime` and `max_lifetime`, of issuers and of wires.

use std::time::Duration;

use super::reader::Section;
use super::value;

/// The lifetime of a token that asks for none, and the longest that it can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    pub default: Duration,
    pub max: Duration,
}

/// The lifetimes that a section sets.
pub(super) struct GivenLifetimes {
    default: Option<Duration>,
    max: Option<Duration>,
}

impl GivenLifetimes {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self {
            default: section.text("lifetime", value::lifetime),
            max: section.text("max_lifetime", value::lifetime),
        }
    }

    /// Fills in what the section does not set, and reports a default above the maximum.
    pub(super) fn or(&self, section: &Section<'_>, other: Lifetimes) -> Lifetimes {
        let default = self.default.unwrap_or(other.default);
        let max = self.max.unwrap_or(other.max);
        if default > max {
            let key = self.default.map_or("max_lifetime", |_| "lifetime");
            let (default, max) = (value::shortest(default), value::shortest(max));
            let text =
                format!("the lifetime of {default} is longer than the max_lifetime of {max}");
            section.error(key, &text);
        }
        Lifetimes { default, max }
    }

    /// Fills in what a wire's section does not set: from its issuer, else from the wire's own default. A lifetime
    /// that the section sets is its maximum, too, unless the section sets that.
    pub(super) fn or_issuer(
        &self,
        section: &Section<'_>,
        issuer: &Self,
        wire: Duration,
    ) -> Lifetimes {
        let mut default = issuer.default.unwrap_or(wire);
        let max = self.default.or(issuer.max);
        let max = max.unwrap_or(wire.max(default));
        if self.max.is_none() {
            // The issuer's maximum also bounds a wire that sets none.
            default = default.min(max);
        }
        self.or(section, Lifetimes { default, max })
    }
}
