use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use super::pattern::{check, check_joined, covers, is_scope_token};
use super::{InvalidScope, Scope};

const MAX_SCOPES: usize = 256;
/// The longest list of scopes, in bytes: it must fit into a token of 8 KiB.
const MAX_TOTAL: usize = 4096;

/// A set of scopes in the order in which they were given, written as in RFC 6749 §3.3: joined by
/// single spaces. Cloning it copies a reference count.
///
/// An `AuthLayer` inserts the `Scopes` of a request into its extensions, beside the `Principal`.
#[derive(Clone)]
pub struct Scopes {
    text: Arc<str>,
    syntax: Syntax,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Syntax {
    Patterns,
    Opaque,
}

impl Scopes {
    /// Returns the empty set.
    #[must_use]
    pub fn none() -> Self {
        Self::new("", Syntax::Patterns)
    }

    /// Creates opaque scopes, as an external issuer writes them into its tokens. They are compared for
    /// equality only.
    #[must_use]
    pub fn opaque(text: &str) -> Self {
        Self::new(text, Syntax::Opaque)
    }

    /// Parses a list of scopes. Repeated ones count once.
    ///
    /// # Errors
    ///
    /// [`InvalidScope`] if one of them is not a scope, or if there are more than 256 of them or, joined,
    /// more than 4096 bytes.
    pub fn from_list<'a>(scopes: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidScope> {
        let mut list: Vec<&str> = Vec::new();
        for scope in scopes {
            check(scope)?;
            if !list.contains(&scope) {
                if list.len() == MAX_SCOPES {
                    return Err(TOO_MANY);
                }
                list.push(scope);
            }
        }
        let text = list.join(" ");
        if text.len() > MAX_TOTAL {
            return Err(TOO_MANY);
        }
        Ok(Self::new(&text, Syntax::Patterns))
    }

    /// Parses the scopes of an own token. They are checked, but not searched for repetitions.
    pub(crate) fn from_token(text: &str) -> Result<Self, InvalidScope> {
        if !text.is_empty() {
            check_joined(text)?;
        }
        Ok(Self::new(text, Syntax::Patterns))
    }

    /// Creates the scopes in a token of an external issuer. Texts that are not scopes (RFC 6749 §3.3) are left out: a
    /// space in one of them would make it two.
    pub(crate) fn of_external<'a>(
        scopes: impl IntoIterator<Item = &'a str>,
        patterns: bool,
    ) -> Self {
        let mut text = String::new();
        for scope in scopes.into_iter().filter(|scope| is_scope_token(scope)) {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(scope);
        }
        let syntax = if patterns {
            Syntax::Patterns
        } else {
            Syntax::Opaque
        };
        Self::new(&text, syntax)
    }

    fn new(text: &str, syntax: Syntax) -> Self {
        let text = text.into();
        Self { text, syntax }
    }

    /// Returns whether one of these scopes grants `scope`.
    #[must_use]
    pub fn grants(&self, scope: &Scope) -> bool {
        self.grants_text(scope.as_str())
    }

    pub(crate) fn grants_text(&self, wanted: &str) -> bool {
        match self.syntax {
            Syntax::Patterns => self.iter().any(|held| covers(held, wanted)),
            Syntax::Opaque => self.iter().any(|held| held == wanted),
        }
    }

    /// Returns whether these scopes are opaque, and would grant `wanted` as patterns.
    pub(crate) fn would_grant_as_patterns(&self, wanted: &str) -> bool {
        self.syntax == Syntax::Opaque && self.iter().any(|held| covers(held, wanted))
    }

    /// Returns whether these scopes grant each of `others`.
    #[must_use]
    pub fn contains(&self, others: &Self) -> bool {
        others.iter().all(|other| self.grants_text(other))
    }

    /// Returns those of these scopes for which `predicate` holds.
    pub(crate) fn filtered(&self, predicate: impl Fn(&str) -> bool) -> Self {
        let list: Vec<&str> = self.iter().filter(|scope| predicate(scope)).collect();
        Self::new(&list.join(" "), self.syntax)
    }

    /// Returns an iterator over the scopes.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.text.split(' ').filter(|scope| !scope.is_empty())
    }

    /// Returns whether there are no scopes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Returns the scopes, joined by single spaces.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the scopes as they were given. They are equal only if their order and their syntax are.
    pub(crate) fn text(&self) -> impl Eq + Hash {
        (&*self.text, self.syntax)
    }

    /// Returns the sorted scopes, joined by single spaces. Equal sets have equal texts.
    #[must_use]
    pub fn to_sorted_string(&self) -> String {
        let mut list: Vec<&str> = self.iter().collect();
        list.sort_unstable();
        list.join(" ")
    }
}

const TOO_MANY: InvalidScope =
    InvalidScope("at most 256 scopes of 4096 bytes together can be named");

/// The scopes of many credentials, by their text: equal ones are in memory once.
#[derive(Debug, Default)]
pub(crate) struct SharedScopes(Mutex<HashMap<Arc<str>, Scopes>>);

/// The number of different scopes that are shared.
const MAX_SHARED: usize = 10_000;

impl SharedScopes {
    /// Returns the scopes, or equal ones that are in memory already.
    pub(crate) fn share(&self, scopes: Scopes) -> Scopes {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = known.get(&*scopes.text);
        if let Some(shared) = shared.filter(|shared| shared.syntax == scopes.syntax) {
            return shared.clone();
        }
        // Scopes that are in use stay where they are used.
        if known.len() >= MAX_SHARED {
            known.clear();
        }
        known.insert(Arc::clone(&scopes.text), scopes.clone());
        scopes
    }
}

impl FromStr for Scopes {
    type Err = InvalidScope;

    /// Parses scopes that are separated by spaces, as [`from_list`](Self::from_list) does.
    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        Self::from_list(text.split(' ').filter(|scope| !scope.is_empty()))
    }
}

impl PartialEq for Scopes {
    /// Compares sets: neither order nor repetition matters.
    fn eq(&self, other: &Self) -> bool {
        self.syntax == other.syntax
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
