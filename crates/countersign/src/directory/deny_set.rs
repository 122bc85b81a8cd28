use std::fmt;
use std::sync::Arc;

use super::table;
use crate::directory::{Credential, Directory, StaleView, UserName};
use crate::id::{HashIds, Id};
use crate::time::Timestamp;

/// Tokens that are rejected although their signatures are valid: all that a service needs that accepts
/// only tokens. As a [`Directory`], it contains no credential and is never stale, so the code that fills
/// it is responsible for its freshness.
///
/// An entry is needed until the last token that it denies has expired.
///
/// ```
/// use countersign::Id;
/// use countersign::directory::{DenySet, Directory};
/// use countersign::time::Timestamp;
///
/// let (key, token) = (Id::from_bytes([1; 20]), Id::from_bytes([2; 20]));
/// let until = Timestamp::from_unix_seconds(1_800_000_000);
/// let denied = DenySet::default();
/// denied.deny_below(key, 3, until);
/// denied.deny_token("https://auth.example".into(), token, until);
///
/// // Tokens of generation 3 are accepted, of 2 are not.
/// assert_eq!(denied.lowest_generation(&key), Some(3));
/// assert!(denied.is_denied("https://auth.example", &token));
/// assert!(!denied.is_denied("https://other.example", &token));
///
/// denied.remove_expired(until);
/// assert_eq!(denied.len(), 2);
/// denied.remove_expired(Timestamp::from_unix_seconds(1_800_000_001));
/// assert!(denied.is_empty());
/// ```
pub struct DenySet {
    entities: papaya::HashMap<Id, Entity, HashIds>,
    tokens: papaya::HashMap<Id, Vec<Token>, HashIds>,
}

impl Default for DenySet {
    fn default() -> Self {
        Self {
            entities: table::new(),
            tokens: table::new(),
        }
    }
}

#[derive(Clone, Copy)]
struct Entity {
    lowest: u32,
    until: Timestamp,
}

#[derive(Clone, PartialEq)]
struct Token {
    issuer: Arc<str>,
    until: Timestamp,
}

/// An entry of a [`DenySet`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a reader that did not know a kind of denial would accept denied tokens"
)]
pub enum Denial {
    /// The tokens of a credential, account or session of lower generations are denied.
    Below {
        /// The credential, account or session.
        entity: Id,
        /// The lowest generation whose tokens are accepted.
        lowest: u32,
        /// When the last token that is denied expires.
        until: Timestamp,
    },
    /// One token is denied.
    Token {
        /// The issuer of the token.
        issuer: Arc<str>,
        /// The id of the token (`jti`).
        token: Id,
        /// When the token expires.
        until: Timestamp,
    },
}

impl Entity {
    const fn denial(&self, entity: Id) -> Denial {
        let (lowest, until) = (self.lowest, self.until);
        Denial::Below {
            entity,
            lowest,
            until,
        }
    }
}

impl Token {
    fn denial(&self, token: Id) -> Denial {
        let (issuer, until) = (Arc::clone(&self.issuer), self.until);
        Denial::Token {
            issuer,
            token,
            until,
        }
    }
}

impl DenySet {
    /// Denies the tokens of a credential, account or session with a generation below `lowest`. The last of
    /// them expires at `until`. A later call never removes a denial.
    pub fn deny_below(&self, entity: Id, lowest: u32, until: Timestamp) {
        let new = Entity { lowest, until };
        let merge = |old: &Entity| Entity {
            lowest: old.lowest.max(lowest),
            until: old.until.max(until),
        };
        self.entities.pin().update_or_insert(entity, merge, new);
    }

    /// Denies one token, which expires at `until`.
    pub fn deny_token(&self, issuer: Arc<str>, token: Id, until: Timestamp) {
        let new = Token { issuer, until };
        let add = |old: &Vec<Token>| {
            let mut all = old.clone();
            if !all.contains(&new) {
                all.push(new.clone());
            }
            all
        };
        let tokens = self.tokens.pin();
        tokens.update_or_insert(token, add, vec![new.clone()]);
    }

    /// Adds a denial.
    pub fn deny(&self, denial: &Denial) {
        match denial {
            Denial::Below {
                entity,
                lowest,
                until,
            } => self.deny_below(*entity, *lowest, *until),
            Denial::Token {
                issuer,
                token,
                until,
            } => self.deny_token(Arc::clone(issuer), *token, *until),
        }
    }

    /// Denies everything that another set denies.
    pub fn deny_all_of(&self, other: &Self) {
        other.for_each(|denial| self.deny(&denial));
    }

    /// Calls a function for each denial, in no order.
    pub fn for_each(&self, mut f: impl FnMut(Denial)) {
        for (entity, denied) in &self.entities.pin() {
            f(denied.denial(*entity));
        }
        for (token, denied) in &self.tokens.pin() {
            denied.iter().for_each(|one| f(one.denial(*token)));
        }
    }

    /// Returns the denials of an entity, or of the tokens with this id.
    #[must_use]
    pub fn denials_of(&self, id: &Id) -> Vec<Denial> {
        let (entities, tokens) = (self.entities.pin(), self.tokens.pin());
        let below = entities.get(id).map(|denied| denied.denial(*id));
        let single = tokens.get(id).into_iter().flatten();
        let single = single.map(|denied| denied.denial(*id));
        below.into_iter().chain(single).collect()
    }

    /// Removes the entries whose tokens have all expired before `time`.
    pub fn remove_expired(&self, time: Timestamp) {
        let entities = self.entities.pin();
        entities.retain(|_, entity| entity.until >= time);
        let tokens = self.tokens.pin();
        tokens.retain(|_, denied| denied.iter().any(|token| token.until >= time));
    }

    /// Removes the denials of an entity, or of all tokens with this id. Their tokens must have expired.
    pub fn remove(&self, id: &Id) {
        self.entities.pin().remove(id);
        self.tokens.pin().remove(id);
    }

    /// Returns the number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entities.len() + self.tokens.len()
    }

    /// Returns whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Directory for DenySet {
    fn credential(&self, _id: &Id) -> Option<Credential> {
        None
    }

    fn user(&self, _name: &UserName) -> Option<Credential> {
        None
    }

    fn lowest_generation(&self, entity: &Id) -> Option<u32> {
        self.entities.pin().get(entity).map(|entity| entity.lowest)
    }

    fn is_denied(&self, issuer: &str, token: &Id) -> bool {
        let tokens = self.tokens.pin();
        let denied = tokens.get(token);
        denied.is_some_and(|denied| denied.iter().any(|token| *token.issuer == *issuer))
    }

    fn check_freshness(&self) -> Result<(), StaleView> {
        Ok(())
    }
}

impl fmt::Debug for DenySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DenySet({} entries)", self.len())
    }
}
