//! `lifetime` and `max_lifetime`, of issuers and of wires.

use std::time::Duration;

use super::mistake::Place;
use super::reader::{Reader, Section};
use super::value;

/// How long tokens live, and may live at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetimes {
    pub(crate) usual: Duration,
    pub(crate) longest: Duration,
}

/// What a section says of them.
pub(super) struct Given {
    usual: Option<Duration>,
    longest: Option<Duration>,
    place: Option<Place>,
}

/// Takes both from a section.
pub(super) fn given<'i>(reader: &mut Reader<'i>, section: &mut Section<'i>) -> Given {
    let places = ["lifetime", "max_lifetime"].map(|key| reader.place(section, key));
    Given {
        usual: reader.text(section, "lifetime", value::lifetime),
        longest: reader.text(section, "max_lifetime", value::lifetime),
        place: places.into_iter().flatten().next(),
    }
}

impl Lifetimes {
    /// Tokens that live so long, and no longer.
    pub(super) const fn both(lifetime: Duration) -> Self {
        Self {
            usual: lifetime,
            longest: lifetime,
        }
    }
}

impl Given {
    /// What holds where `default` does unless something is said.
    pub(super) fn or(&self, default: Lifetimes) -> Lifetimes {
        Lifetimes {
            usual: self.usual.unwrap_or(default.usual),
            longest: self.longest.unwrap_or(default.longest),
        }
    }

    /// What holds for a wire: what it says itself, else what its issuer says, else its default. A lifetime of its
    /// own is its longest too, unless it says otherwise.
    pub(super) fn within(&self, issuer: &Self, default: Duration) -> Lifetimes {
        let usual = self.usual.or(issuer.usual).unwrap_or(default);
        let longest = self.longest.or(self.usual).or(issuer.longest);
        let longest = longest.unwrap_or(default.max(usual));
        if self.place.is_none() {
            // Whoever bounds the issuer's tokens bounds those of wires that say nothing.
            return Lifetimes {
                usual: usual.min(longest),
                longest,
            };
        }
        Lifetimes { usual, longest }
    }

    /// Notes a lifetime that is longer than the longest, where it was given.
    pub(super) fn check(&self, reader: &mut Reader<'_>, section: &Section<'_>, found: Lifetimes) {
        let Lifetimes { usual, longest } = found;
        if usual > longest
            && let Some(place) = &self.place
        {
            let text = format!(
                "out of range: {} is longer than max_lifetime, {}",
                value::shown(usual),
                value::shown(longest)
            );
            reader.wrong(place.clone(), &section.path_of("lifetime"), &text);
        }
    }
}
