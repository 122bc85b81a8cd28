//! Secrets under the master key: AES-256-GCM, each bound to the record that it belongs to.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use countersign::random::{Random, RandomError};
use zeroize::Zeroizing;

/// The master key, ready for use.
pub(crate) struct Sealer(LessSafeKey);

/// The place that a sealed secret belongs to. It does not open at any other, so that whoever can
/// write the database still cannot give one record another's secret.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) table: &'static str,
    /// What names the row; where the secret is worth nothing without them, its other columns too.
    pub(crate) row: &'a [u8],
    pub(crate) column: &'static str,
}

/// The form of a sealed secret: this byte, the nonce, the ciphertext with its tag.
const FORM: u8 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DoesNotOpen;

impl Sealer {
    pub(crate) fn new(key: &[u8; 32]) -> Option<Self> {
        let key = UnboundKey::new(&AES_256_GCM, key).ok()?;
        Some(Self(LessSafeKey::new(key)))
    }

    /// 96 random bits make a nonce. One key may seal 2^32 times with such (NIST SP 800-38D §8.3): a session a
    /// second, for a century.
    pub(crate) fn seal(
        &self,
        place: Place<'_>,
        secret: &[u8],
        random: &dyn Random,
    ) -> Result<Vec<u8>, RandomError> {
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce)?;
        let mut body = Zeroizing::new(secret.to_vec());
        let tag = self
            .0
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                place.bound(),
                &mut body,
            )
            .map_err(|_| RandomError)?;
        Ok([&[FORM], nonce.as_slice(), &body, tag.as_ref()].concat())
    }

    pub(crate) fn open(
        &self,
        place: Place<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
        let Some((&FORM, rest)) = sealed.split_first() else {
            return Err(DoesNotOpen);
        };
        let (nonce, body) = rest.split_first_chunk().ok_or(DoesNotOpen)?;
        let mut body = Zeroizing::new(body.to_vec());
        let length = self
            .0
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                place.bound(),
                &mut body,
            )
            .map_err(|_| DoesNotOpen)?
            .len();
        body.truncate(length);
        Ok(body)
    }
}

impl Place<'_> {
    fn bound(&self) -> Aad<Vec<u8>> {
        Aad::from(framed(&[
            b"countersign-store/sealed",
            &[FORM],
            self.table.as_bytes(),
            self.row,
            self.column.as_bytes(),
        ]))
    }
}

/// Parts framed by their lengths, so that no two lists of them have the same bytes.
pub(crate) fn framed(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(*part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign::random::SystemRandom;

    const HERE: Place<'_> = Place {
        table: "peppers",
        row: &[0, 0, 0, 1],
        column: "sealed",
    };

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&[byte; 32]).unwrap()
    }

    #[test]
    fn secret_opens_at_its_own_place_under_its_own_key() {
        let sealed = sealer(1).seal(HERE, b"secret", &SystemRandom).unwrap();
        assert_eq!(**sealer(1).open(HERE, &sealed).unwrap(), *b"secret");
    }

    #[test]
    fn secret_stays_shut_at_any_other_place_and_under_another_key() {
        let sealed = sealer(1).seal(HERE, b"secret", &SystemRandom).unwrap();
        let (table, row, column) = ("signing_keys", &[0, 0, 0, 2], "other");
        for elsewhere in [
            Place { table, ..HERE },
            Place { row, ..HERE },
            Place { column, ..HERE },
        ] {
            assert_eq!(sealer(1).open(elsewhere, &sealed), Err(DoesNotOpen));
        }
        assert_eq!(sealer(2).open(HERE, &sealed), Err(DoesNotOpen));
    }

    #[test]
    fn secret_stays_shut_when_any_byte_is_changed_or_cut() {
        let sealed = sealer(1).seal(HERE, b"secret", &SystemRandom).unwrap();
        for i in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[i] ^= 1;
            assert_eq!(sealer(1).open(HERE, &changed), Err(DoesNotOpen), "at {i}");
            assert_eq!(sealer(1).open(HERE, &sealed[..i]), Err(DoesNotOpen));
        }
    }

    #[test]
    fn secret_sealed_twice_looks_different() {
        let seal = || sealer(1).seal(HERE, b"secret", &SystemRandom).unwrap();
        assert_ne!(seal(), seal());
    }
}
