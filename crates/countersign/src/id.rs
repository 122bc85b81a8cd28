//! Identifiers of accounts, credentials, sessions and tokens.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::str::FromStr;

use crate::random::{Random, RandomError};
use crate::time::Timestamp;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// An identifier of 160 bits, written as 32 characters of lower-case Crockford base32: 10 of the time
/// of creation in milliseconds, 6 of the account's partition, and 16 random ones.
///
/// Ids are public, and sort by time of creation. Each has one spelling:
///
/// ```
/// use countersign::Id;
///
/// let id: Id = "013xrzp12g3nqk8ngskn1wtxgka5b0nf".parse()?;
/// assert_eq!(id.to_string(), "013xrzp12g3nqk8ngskn1wtxgka5b0nf");
/// assert!("013XRZP12G3NQK8NGSKN1WTXGKA5B0NF".parse::<Id>().is_err());
/// # Ok::<(), countersign::id::InvalidId>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id([u8; 20]);

impl Id {
    /// The number of characters of an id.
    pub const LEN: usize = 32;

    /// Generates an id in the partition of `account`.
    ///
    /// # Errors
    ///
    /// [`RandomError`] if the generator failed.
    pub fn new(now: Timestamp, account: &Self, random: &dyn Random) -> Result<Self, RandomError> {
        let mut tail = [0; 10];
        random.fill(&mut tail)?;
        Ok(Self::assemble(now, account.partition(), tail))
    }

    /// Generates the id of an account, in a partition of its own.
    ///
    /// # Errors
    ///
    /// [`RandomError`] if the generator failed.
    pub fn new_account(now: Timestamp, random: &dyn Random) -> Result<Self, RandomError> {
        let mut bytes = [0; 14];
        random.fill(&mut bytes)?;
        let [a, b, c, d, tail @ ..] = bytes;
        Ok(Self::assemble(now, u32::from_be_bytes([a, b, c, d]), tail))
    }

    /// Returns the 20 bytes of the id, for storage.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// Creates the id with these 20 bytes. Every value is an id.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    fn assemble(now: Timestamp, partition: u32, tail: [u8; 10]) -> Self {
        // 50 bits of milliseconds last for 35,000 years; a clock before 1970 counts as 1970.
        let millis = u128::try_from(now.unix_millis()).unwrap_or(0) & ((1 << 50) - 1);
        let head = (millis << 30) | u128::from(partition & 0x3fff_ffff);
        let mut bytes = [0; 20];
        let (front, back) = bytes.split_at_mut(10);
        front.copy_from_slice(head.to_be_bytes().split_at(6).1);
        back.copy_from_slice(&tail);
        Self(bytes)
    }

    fn partition(&self) -> u32 {
        let [_, _, _, _, _, _, a, b, c, d, ..] = self.0;
        u32::from_be_bytes([a, b, c, d]) & 0x3fff_ffff
    }

    /// Returns whether this is the id of `account`, or was generated in its partition.
    ///
    /// Two accounts have one partition with a probability of 1 in 2³⁰.
    #[must_use]
    pub fn is_in_partition_of(&self, account: &Self) -> bool {
        self.partition() == account.partition()
    }

    /// Parses the characters of an id.
    pub(crate) fn from_characters(characters: &[u8; Self::LEN]) -> Result<Self, InvalidId> {
        let mut bytes = [0; 20];
        let (eights, _) = characters.as_chunks::<8>();
        let (fives, _) = bytes.as_chunks_mut::<5>();
        let mut all_digits = 0;
        for (eight, five) in eights.iter().zip(fives) {
            let mut bits = 0u64;
            for &character in eight {
                let digit = DIGITS.get(usize::from(character)).copied().unwrap_or(0xff);
                all_digits |= digit;
                bits = bits << 5 | u64::from(digit);
            }
            let [_, _, _, last @ ..] = bits.to_be_bytes();
            *five = last;
        }
        // What is no digit has a value with higher bits.
        (all_digits <= 31).then_some(Self(bytes)).ok_or(InvalidId)
    }

    pub(crate) fn text(&self) -> IdText {
        let mut text = [0; Self::LEN];
        for (five, eight) in self.0.chunks_exact(5).zip(text.chunks_exact_mut(8)) {
            let bits = five.iter().fold(0u64, |bits, &b| bits << 8 | u64::from(b));
            for (i, slot) in eight.iter_mut().enumerate() {
                let digit = (bits >> (35 - 5 * i)) & 31;
                *slot = ALPHABET.get(digit as usize).copied().unwrap_or(b'0');
            }
        }
        IdText(text)
    }
}

impl FromStr for Id {
    type Err = InvalidId;

    /// Parses 32 characters of `0-9a-z` without `i l o u`. Upper case is rejected.
    ///
    /// # Errors
    ///
    /// [`InvalidId`] for any other text.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let characters = text.as_bytes().try_into().map_err(|_| InvalidId)?;
        Self::from_characters(characters)
    }
}

/// The value of each character, or 0xff if it is not in the alphabet. A look-up takes the same time for
/// every character.
#[expect(clippy::indexing_slicing, reason = "a byte is an index of 256")]
const DIGITS: [u8; 256] = {
    let mut table = [0xff; 256];
    let mut value = 0u8;
    let mut alphabet: &[u8] = ALPHABET;
    while let [character, rest @ ..] = alphabet {
        table[*character as usize] = value;
        value += 1;
        alphabet = rest;
    }
    table
};

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text().as_str())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({self})")
    }
}

impl serde::Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text().as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The characters of an id, without an allocation.
#[derive(Clone, Copy)]
pub(crate) struct IdText([u8; Id::LEN]);

impl IdText {
    /// Parses an id, and keeps its characters, since an id has one spelling.
    pub(crate) fn parse(text: &str) -> Result<(Id, Self), InvalidId> {
        let characters = text.as_bytes().try_into().map_err(|_| InvalidId)?;
        Ok((Id::from_characters(&characters)?, Self(characters)))
    }

    pub(crate) fn as_str(&self) -> &str {
        // The bytes are ASCII. An empty text would equal no id.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Hashes ids with a random key of each map. Ids are generated, so that this need not resist chosen keys as the default
/// hasher does, and takes a fraction of its time.
#[derive(Clone)]
pub(crate) struct HashIds {
    keys: [u64; 3],
}

impl Default for HashIds {
    fn default() -> Self {
        let random = RandomState::new();
        Self {
            keys: [0_u8, 1, 2].map(|n| random.hash_one(n)),
        }
    }
}

impl BuildHasher for HashIds {
    type Hasher = IdHasher;

    fn build_hasher(&self) -> IdHasher {
        IdHasher {
            keys: self.keys,
            hash: 0,
        }
    }
}

pub(crate) struct IdHasher {
    keys: [u64; 3],
    hash: u64,
}

impl IdHasher {
    /// Multiplies two keyed halves of a block, and folds the product.
    #[inline]
    fn add(&mut self, block: [u8; 16]) {
        let [a, b, c] = self.keys;
        let number = u128::from_le_bytes(block) ^ u128::from(self.hash);
        let (low, high) = halves(number);
        let (low, high) = halves(u128::from(low ^ a) * u128::from(high ^ b));
        self.hash = low ^ high ^ c;
    }
}

impl Hasher for IdHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (blocks, rest) = bytes.as_chunks();
        blocks.iter().for_each(|block| self.add(*block));
        match bytes.last_chunk() {
            _ if rest.is_empty() => {}
            // It overlaps with the block before it, so that nothing has to be copied.
            Some(last) => self.add(*last),
            None => {
                let mut block = [0; 16];
                let (start, _) = block.split_at_mut(rest.len());
                start.copy_from_slice(rest);
                self.add(block);
            }
        }
    }

    /// The length of an id is always the same.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.hash
    }
}

fn halves(number: u128) -> (u64, u64) {
    let [low, high] = [number, number >> 64].map(|half| half & u128::from(u64::MAX));
    let half = |half: u128| u64::try_from(half).unwrap_or(0);
    (half(low), half(high))
}

/// The error for a text that is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id: 32 characters of 0-9 and a-z without i, l, o, u are expected")]
pub struct InvalidId;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hashes_of_ids_differ_in_every_bit_and_between_maps() {
        let (first, second) = (HashIds::default(), HashIds::default());
        let id = Id::from_bytes([7; 20]);
        assert_ne!(first.hash_one(id), second.hash_one(id));
        let mut hashes = std::collections::HashSet::from([first.hash_one(id)]);
        for bit in 0..160 {
            let mut bytes = [7; 20];
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(
                hashes.insert(first.hash_one(Id::from_bytes(bytes))),
                "bit {bit}"
            );
        }
        // Both ends of a hash are used as an index.
        for shift in [0, 57] {
            let ends = hashes.iter().map(|hash| hash >> shift & 127);
            let distinct: std::collections::HashSet<u64> = ends.collect();
            assert!(distinct.len() > 60, "{} of 128", distinct.len());
        }
    }

    struct Ones;
    impl Random for Ones {
        fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
            out.fill(0xff);
            Ok(())
        }
    }

    #[test]
    fn id_of_a_credential_has_the_partition_of_its_account_and_starts_with_its_time() {
        let account: Id = "013xrzp12g3nqk8ngskn1wtxgka5b0nf".parse().unwrap();
        let id = Id::new(Timestamp::from_unix_millis(1), &account, &Ones).unwrap();
        assert_eq!(id.to_string(), "00000000013nqk8nzzzzzzzzzzzzzzzz");
    }

    #[test]
    fn id_from_before_1970_starts_with_zeros() {
        let id = Id::new_account(Timestamp::from_unix_millis(-5), &Ones).unwrap();
        assert!(id.to_string().starts_with("0000000000"));
    }

    #[test]
    fn text_is_rejected_unless_it_is_the_one_spelling_of_an_id() {
        for text in [
            "",
            "013xrzp12g3nqk8ngskn1wtxgka5b0n",
            "013xrzp12g3nqk8ngskn1wtxgka5b0nf0",
            "013xrzp12g3nqk8ngskn1wtxgka5b0nF",
            "013xrzp12g3nqk8ngskn1wtxgka5b0ni",
            "013xrzp12g3nqk8ngskn1wtxgka5b0nl",
            "013xrzp12g3nqk8ngskn1wtxgka5b0no",
            "013xrzp12g3nqk8ngskn1wtxgka5b0nu",
            "013xrzp12g3nqk8ngskn1wtxgka5b0é",
        ] {
            assert_eq!(text.parse::<Id>(), Err(InvalidId), "{text}");
        }
    }

    proptest! {
        #[test]
        fn id_survives_printing_and_parsing(bytes: [u8; 20]) {
            let id = Id::from_bytes(bytes);
            let printed = id.to_string();
            prop_assert_eq!(printed.parse::<Id>(), Ok(id));
            let (parsed, text) = IdText::parse(&printed).unwrap();
            prop_assert_eq!((parsed, text.as_str()), (id, &*printed));
        }

        #[test]
        fn text_of_an_id_survives_parsing_and_printing(text in "[0-9a-hjkmnp-tv-z]{32}") {
            prop_assert_eq!(text.parse::<Id>().unwrap().to_string(), text);
        }
    }
}
