//! The cache of verified tokens.
//!
//! An entry contains what the signature of a token proves, and nothing that can change. It is found by a keyed hash and
//! compared in full, and it is used only for the issuers of its [`CachingVerifier`](super::CachingVerifier) and while the
//! keys of its issuer have the version with which it was verified.
//!
//! Tokens that are not accepted are never inserted. A token is inserted when it is verified for the second time, so that
//! tokens that are presented once, however many, cost no insertion and displace no other.

use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU32, Ordering};

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{Equivalent, OptionsBuilder, Weighter};

use super::verified::VerifiedToken;
use crate::id::HashIds;

/// The fewest bytes that an entry counts as, which bounds the number of entries.
const MIN_ENTRY: usize = 1024;
/// What the cache itself needs for an entry.
const OVERHEAD: usize = 256;
/// The number of parts that are locked separately. It does not depend on the machine, so that every token that is accepted by
/// default fits into a part of a cache of the default size.
const SHARDS: usize = 16;
/// The number of bytes at the end of a token that are hashed. They are 96 bits of the signature, and those of two verified
/// tokens differ.
const HASHED: usize = 16;

pub(super) struct TokenCache {
    /// Only verified tokens are inserted, and no client chooses their signatures.
    hasher: HashIds,
    tokens: Cache<Key, VerifiedToken, ByWeight, TakeHash>,
    recent: Recent,
}

/// A presented token.
pub(super) struct Presented<'t> {
    token: &'t [u8],
    hash: u64,
}

struct Key {
    token: Box<[u8]>,
    hash: u64,
    weight: u64,
}

impl TokenCache {
    /// Creates a cache that occupies at most about this many bytes. Returns `None` if no token would fit.
    pub(super) fn new(bytes: usize) -> Option<Self> {
        let entries = bytes / MIN_ENTRY;
        if entries == 0 {
            return None;
        }
        let options = OptionsBuilder::new()
            .shards(SHARDS)
            .estimated_items_capacity(entries)
            .weight_capacity(weight(bytes))
            .build();
        let lifecycle = DefaultLifecycle::default();
        Some(Self {
            hasher: HashIds::default(),
            tokens: Cache::with_options(options.ok()?, ByWeight, TakeHash::default(), lifecycle),
            recent: Recent::new(entries * 2),
        })
    }

    /// Computes the hash of a token.
    pub(super) fn presented<'t>(&self, token: &'t [u8]) -> Presented<'t> {
        let start = token.len().saturating_sub(HASHED);
        let mut hasher = self.hasher.build_hasher();
        hasher.write(token.get(start..).unwrap_or_default());
        Presented {
            token,
            hash: hasher.finish(),
        }
    }

    pub(super) fn get(&self, presented: &Presented<'_>) -> Option<VerifiedToken> {
        self.tokens.get(presented)
    }

    pub(super) fn remove(&self, presented: &Presented<'_>) {
        self.tokens.remove(presented);
    }

    /// Inserts a token that was accepted, if it is not the first time that it was verified.
    pub(super) fn offer(&self, presented: &Presented<'_>, verified: VerifiedToken) {
        if !self.recent.contains_or_insert(presented.hash) {
            return;
        }
        let size = OVERHEAD + presented.token.len() + verified.parsed_size();
        let key = Key {
            token: presented.token.into(),
            hash: presented.hash,
            weight: weight(size.max(MIN_ENTRY)),
        };
        self.tokens.insert(key, verified);
    }
}

fn weight(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

impl Equivalent<Key> for Presented<'_> {
    /// Compares the whole token.
    fn equivalent(&self, key: &Key) -> bool {
        *self.token == *key.token
    }
}

impl Hash for Presented<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.token == other.token
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

#[derive(Clone)]
struct ByWeight;

impl Weighter<Key, VerifiedToken> for ByWeight {
    fn weight(&self, key: &Key, _: &VerifiedToken) -> u64 {
        key.weight
    }
}

/// Takes the hash that a key contains.
#[derive(Clone, Copy, Default)]
struct TakeHash(u64);

impl BuildHasher for TakeHash {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self(0)
    }
}

impl Hasher for TakeHash {
    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The hashes of tokens that were verified recently: a table in which a hash has one slot, and replaces another one there.
struct Recent(Box<[AtomicU32]>);

impl Recent {
    fn new(slots: usize) -> Self {
        let slots = 0..slots.next_power_of_two();
        Self(slots.map(|_| AtomicU32::new(0)).collect())
    }

    /// Returns whether the hash is there. If not, it is there afterwards.
    fn contains_or_insert(&self, hash: u64) -> bool {
        let [a, b, c, d, rest @ ..] = hash.to_le_bytes();
        let (index, fingerprint) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes(rest));
        let mask = self.0.len().saturating_sub(1);
        let slot = usize::try_from(index)
            .ok()
            .and_then(|index| self.0.get(index & mask));
        slot.is_some_and(|slot| {
            let is_there = slot.load(Ordering::Relaxed) == fingerprint;
            if !is_there {
                slot.store(fingerprint, Ordering::Relaxed);
            }
            is_there
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_is_recent_when_it_comes_again_unless_another_one_took_its_slot() {
        let recent = Recent::new(4);
        let hash = |slot: u64, fingerprint: u64| fingerprint << 32 | slot;
        assert!(!recent.contains_or_insert(hash(1, 7)));
        assert!(recent.contains_or_insert(hash(1, 7)));
        assert!(!recent.contains_or_insert(hash(2, 7)));
        assert!(!recent.contains_or_insert(hash(5, 8)));
        assert!(!recent.contains_or_insert(hash(1, 7)));
    }

    #[test]
    fn hash_is_keyed_and_depends_on_the_end_of_the_token() {
        let (cache, other) = (
            TokenCache::new(1 << 20).unwrap(),
            TokenCache::new(1 << 20).unwrap(),
        );
        let hash = |cache: &TokenCache, token: &[u8]| cache.presented(token).hash;
        assert_eq!(hash(&cache, b"a.b.c"), hash(&cache, b"a.b.c"));
        assert_ne!(hash(&cache, b"a.b.c"), hash(&other, b"a.b.c"));
        assert_ne!(hash(&cache, b"a.b.c"), hash(&cache, b"a.b.d"));
    }

    #[test]
    fn there_is_no_cache_without_room_for_a_token() {
        assert!(TokenCache::new(0).is_none() && TokenCache::new(MIN_ENTRY - 1).is_none());
        assert!(TokenCache::new(MIN_ENTRY).is_some());
    }
}
