//! Scopes: what a credential may do, as patterns over segments.
//!
//! A scope is up to eight segments of `[A-Za-z0-9_.-]+` joined by `:`, at most 128 bytes. `*` stands
//! for one whole segment; as the last one it covers one or more. One scope *grants* another when it
//! covers everything that the other covers:
//!
//! ```
//! use countersign::{Scope, Scopes};
//!
//! let held: Scopes = "wallet:* calls:read".parse()?;
//! assert!(held.grants(&"wallet:payments:refund".parse::<Scope>()?));
//! assert!(!held.grants(&"wallet".parse::<Scope>()?)); // `*` is never zero segments
//! assert!(!held.grants(&"calls:*".parse::<Scope>()?)); // more than what is held
//! # Ok::<(), countersign::scope::InvalidScope>(())
//! ```
//!
//! Scopes of foreign issuers follow rules that only they know. They are kept *opaque*: compared for
//! equality, their `*` a letter like any other.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

const MAX_BYTES: usize = 128;
const MAX_SEGMENTS: usize = 8;
const MAX_SCOPES: usize = 256;
/// All of them together: what fits into a token of 8 KiB.
const MAX_TOTAL: usize = 4096;

/// One scope, checked.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Scope(Box<str>);

impl Scope {
    /// The scope's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether everything that `other` covers is covered by `self`.
    #[must_use]
    pub fn grants(&self, other: &Self) -> bool {
        covers(&self.0, &other.0)
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        check(text)?;
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

/// A set of scopes in the order in which they were given, as RFC 6749 §3.3 writes it: joined by
/// single spaces. Cloning one copies a reference count.
///
/// It is a request extension of its own, beside the `Principal`.
#[derive(Clone)]
pub struct Scopes {
    text: Arc<str>,
    meaning: Meaning,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Patterns,
    Opaque,
}

impl Scopes {
    /// No scope at all.
    #[must_use]
    pub fn none() -> Self {
        Self::patterns("")
    }

    /// Whether one of these scopes grants `scope`.
    #[must_use]
    pub fn grants(&self, scope: &Scope) -> bool {
        self.grants_text(&scope.0)
    }

    /// Whether each of `others` is granted by one of these.
    #[must_use]
    pub fn contains(&self, others: &Self) -> bool {
        others.iter().all(|other| self.grants_text(other))
    }

    /// The scopes, one by one.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.text.split(' ').filter(|scope| !scope.is_empty())
    }

    /// Whether there is no scope.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The scopes joined by single spaces.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Scopes from a list, for wires that carry them as one.
    ///
    /// # Errors
    ///
    /// [`InvalidScope`] when one of them is not a scope, or when there are more than 256 or, joined, more
    /// than 4096 bytes: a token must hold them all.
    pub fn from_list<'a>(scopes: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidScope> {
        let mut list: Vec<&str> = Vec::new();
        for scope in scopes {
            check(scope)?;
            if list.contains(&scope) {
                continue;
            }
            if list.len() == MAX_SCOPES {
                return Err(InvalidScope(Flaw::TooMany));
            }
            list.push(scope);
        }
        let text = list.join(" ");
        if text.len() > MAX_TOTAL {
            return Err(InvalidScope(Flaw::TooMany));
        }
        Ok(Self::patterns(&text))
    }

    /// Scopes of a token that a foreign issuer signed: compared for equality only.
    #[must_use]
    pub fn opaque(text: &str) -> Self {
        Self {
            text: text.into(),
            meaning: Meaning::Opaque,
        }
    }

    /// Scopes of a token of ours: each checked, none copied, none looked for twice.
    pub(crate) fn from_token(text: &str) -> Result<Self, InvalidScope> {
        if !text.is_empty() {
            text.split(' ').try_for_each(check)?;
        }
        Ok(Self::patterns(text))
    }

    fn patterns(text: &str) -> Self {
        Self {
            text: text.into(),
            meaning: Meaning::Patterns,
        }
    }

    /// Those of them that `keep` wants.
    pub(crate) fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        let kept: Vec<&str> = self.iter().filter(|scope| keep(scope)).collect();
        Self {
            text: kept.join(" ").into(),
            meaning: self.meaning,
        }
    }

    /// The scopes in order, joined by single spaces: one text for equal sets.
    #[must_use]
    pub fn to_sorted_string(&self) -> String {
        let mut list: Vec<&str> = self.iter().collect();
        list.sort_unstable();
        list.join(" ")
    }

    pub(crate) fn grants_text(&self, wanted: &str) -> bool {
        match self.meaning {
            Meaning::Patterns => self.iter().any(|held| covers(held, wanted)),
            Meaning::Opaque => self.iter().any(|held| held == wanted),
        }
    }
}

impl FromStr for Scopes {
    type Err = InvalidScope;

    /// Scopes separated by spaces; one named twice counts once.
    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        Self::from_list(text.split(' ').filter(|scope| !scope.is_empty()))
    }
}

impl PartialEq for Scopes {
    /// Equal as sets: neither order nor repetition counts.
    fn eq(&self, other: &Self) -> bool {
        self.meaning == other.meaning
            && self.iter().all(|scope| other.iter().any(|o| o == scope))
            && other.iter().all(|scope| self.iter().any(|s| s == scope))
    }
}

impl Eq for Scopes {}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scopes({})", self.text)
    }
}

impl serde::Serialize for Scopes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// The text is not a scope. Its `Display` says which rule it breaks, without the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidScope(Flaw);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    TooLong,
    TooManySegments,
    EmptySegment,
    Character,
    PartialWildcard,
    TooMany,
}

impl fmt::Display for InvalidScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Flaw::TooLong => "a scope has at most 128 bytes",
            Flaw::TooManySegments => "a scope has at most 8 segments",
            Flaw::EmptySegment => "a scope has no empty segment",
            Flaw::Character => "a scope's segments are made of A-Z a-z 0-9 _ . -",
            Flaw::PartialWildcard => "`*` in a scope stands for a whole segment",
            Flaw::TooMany => "at most 256 scopes of 4096 bytes together can be named",
        })
    }
}

impl std::error::Error for InvalidScope {}

fn check(scope: &str) -> Result<(), InvalidScope> {
    let flawed = |flaw| Err(InvalidScope(flaw));
    if scope.len() > MAX_BYTES {
        return flawed(Flaw::TooLong);
    }
    for (i, segment) in scope.split(':').enumerate() {
        match segment {
            _ if i == MAX_SEGMENTS => return flawed(Flaw::TooManySegments),
            "" => return flawed(Flaw::EmptySegment),
            "*" => {}
            _ if segment.contains('*') => return flawed(Flaw::PartialWildcard),
            _ if segment.bytes().all(is_segment_byte) => {}
            _ => return flawed(Flaw::Character),
        }
    }
    Ok(())
}

const fn is_segment_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

/// Whether pattern `outer` covers everything that pattern `inner` covers.
fn covers(outer: &str, inner: &str) -> bool {
    let mut inner = inner.split(':');
    let mut outer = outer.split(':').peekable();
    while let Some(pattern) = outer.next() {
        let Some(segment) = inner.next() else {
            return false;
        };
        if pattern == "*" {
            if outer.peek().is_none() {
                return true;
            }
        } else if pattern != segment {
            return false;
        }
    }
    inner.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn grants(held: &str, wanted: &str) -> bool {
        held.parse::<Scope>()
            .unwrap()
            .grants(&wanted.parse::<Scope>().unwrap())
    }

    #[test]
    fn containment_holds_as_the_design_lists_it() {
        assert!(grants("*", "wallet:*"));
        assert!(grants("wallet:*", "wallet:*"));
        assert!(grants("wallet:*", "wallet:a:b:c"));
        assert!(grants("*:read", "calls:read"));
        assert!(grants("a:*:c", "a:b:c"));
    }

    #[test]
    fn containment_refused_where_the_wanted_scope_reaches_further() {
        assert!(!grants("wallet:*", "wallet"));
        assert!(!grants("wallet:*", "*:read"));
        assert!(!grants("wallet:read", "wallet:*"));
        assert!(!grants("*:read", "wallet:*"));
        assert!(!grants("a:*:c", "a:*"));
        assert!(!grants("a:*:c", "a:b:b:c"));
        assert!(!grants("calls:read", "calls:READ"));
    }

    #[test]
    fn scope_rejected_when_its_form_is_not_ours() {
        for text in [
            "",
            ":",
            "a:",
            ":a",
            "a::b",
            "a b",
            "a*",
            "*a",
            "a:*b",
            "a/b",
            "ä",
            "a\u{0}",
            "a:b:c:d:e:f:g:h:i",
        ] {
            assert!(text.parse::<Scope>().is_err(), "{text:?}");
        }
        assert!("a:b:c:d:e:f:g:h".parse::<Scope>().is_ok());
        assert!("a".repeat(128).parse::<Scope>().is_ok());
        assert!("a".repeat(129).parse::<Scope>().is_err());
    }

    #[test]
    fn scopes_named_twice_count_once_and_order_does_not_matter() {
        let scopes: Scopes = "b a  b".parse().unwrap();
        assert_eq!(scopes.as_str(), "b a");
        assert_eq!(scopes, "a b".parse().unwrap());
        assert_ne!(scopes, "a".parse().unwrap());
    }

    #[test]
    fn opaque_star_is_a_letter() {
        let foreign = Scopes::opaque("wallet:* https://example.com/read");
        assert!(!foreign.grants(&"wallet:read".parse::<Scope>().unwrap()));
        assert!(foreign.grants(&"wallet:*".parse::<Scope>().unwrap()));
    }

    #[test]
    fn more_than_256_scopes_are_refused() {
        let many = |n: usize| (0..n).map(|i| i.to_string()).collect::<Vec<_>>().join(" ");
        assert!(many(256).parse::<Scopes>().is_ok());
        assert!(many(257).parse::<Scopes>().is_err());
        let long = |n: usize| {
            (0..n)
                .map(|i| format!("{i:0>127}"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert!(long(32).parse::<Scopes>().is_ok());
        assert!(long(33).parse::<Scopes>().is_err());
    }

    fn pattern() -> impl Strategy<Value = String> {
        proptest::collection::vec(prop_oneof!["[ab]", Just("*".to_owned())], 1..5)
            .prop_map(|segments| segments.join(":"))
    }

    /// What the words of the design say of one concrete scope, written without `covers`.
    fn matches(pattern: &[&str], concrete: &[&str]) -> bool {
        match (pattern, concrete) {
            (["*"], [_, ..]) => true,
            ([p, ps @ ..], [c, cs @ ..]) => (*p == "*" || p == c) && matches(ps, cs),
            ([], []) => true,
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn scope_parsed_and_printed_is_itself(text in pattern()) {
            prop_assert_eq!(text.parse::<Scope>().unwrap().to_string(), text);
        }

        #[test]
        fn containment_is_reflexive(a in pattern()) {
            prop_assert!(grants(&a, &a));
        }

        #[test]
        fn containment_is_transitive(a in pattern(), b in pattern(), c in pattern()) {
            if grants(&a, &b) && grants(&b, &c) {
                prop_assert!(grants(&a, &c));
            }
        }

        #[test]
        fn containment_is_sound_against_matching(a in pattern(), b in pattern(), c in "[ab](:[ab]){0,5}") {
            let concrete: Vec<&str> = c.split(':').collect();
            let outer: Vec<&str> = a.split(':').collect();
            let inner: Vec<&str> = b.split(':').collect();
            if grants(&a, &b) && matches(&inner, &concrete) {
                prop_assert!(matches(&outer, &concrete));
            }
            prop_assert_eq!(grants(&a, &c), matches(&outer, &concrete));
        }
    }
}
