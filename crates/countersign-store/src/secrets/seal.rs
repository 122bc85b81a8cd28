//! Encryption under the master key: AES-256-GCM. Each ciphertext is bound to the record that it belongs to.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use countersign::Secret;
use countersign::random::{Random, RandomError};
use zeroize::Zeroizing;

use super::BackupKey;
use crate::error::{StoreError, corrupt};

/// Encrypts and decrypts secrets with the master key.
pub(crate) struct Sealer {
    key: LessSafeKey,
    /// The key that authenticates backups.
    pub(crate) backup_key: BackupKey,
}

/// The record that a ciphertext belongs to. The ciphertext cannot be decrypted in any other context, so that an
/// attacker who can write to the database cannot move a secret to another record.
pub(crate) struct SealContext {
    table: &'static str,
    /// Identifies the row. Where a secret is only valid together with the other columns, it contains those too.
    row: Vec<u8>,
    /// The kind of secret, for [`StoreError::Unseal`].
    what: &'static str,
}

/// The first byte of a ciphertext. The nonce, the encrypted secret and the tag follow.
const VERSION: u8 = 1;

impl Sealer {
    pub(crate) fn new(key: &[u8; 32]) -> Option<Self> {
        Some(Self {
            key: LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).ok()?),
            backup_key: BackupKey::derive(key)?,
        })
    }

    /// Encrypts a secret. The nonce is 96 random bits. One key may encrypt 2^32 times with random nonces (NIST
    /// SP 800-38D §8.3): once a second for a century.
    pub(crate) fn seal(
        &self,
        context: &SealContext,
        secret: &[u8],
        random: &dyn Random,
    ) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce)?;
        let mut body = Zeroizing::new(secret.to_vec());
        let unique = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .key
            .seal_in_place_separate_tag(unique, context.additional_data(), &mut body)
            .map_err(|_| RandomError)?;
        Ok([&[VERSION], nonce.as_slice(), &body, tag.as_ref()].concat())
    }

    /// Decrypts a text.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and [`StoreError::Corrupt`] if it is not a text.
    pub(crate) fn open_text(
        &self,
        context: &SealContext,
        sealed: &[u8],
    ) -> Result<Secret, StoreError> {
        let text = self.open(context, sealed)?;
        let text = str::from_utf8(&text).or_else(|_| corrupt(context.what))?;
        Ok(Secret::from(text.to_owned()))
    }

    /// Decrypts a secret.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unseal`] if it was encrypted with another key or in another context, or was changed.
    pub(crate) fn open(
        &self,
        context: &SealContext,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let open = || {
            let (&VERSION, rest) = sealed.split_first()? else {
                return None;
            };
            let (nonce, body) = rest.split_first_chunk()?;
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let mut body = Zeroizing::new(body.to_vec());
            let opened = self
                .key
                .open_in_place(nonce, context.additional_data(), &mut body);
            let length = opened.ok()?.len();
            body.truncate(length);
            Some(body)
        };
        open().ok_or(StoreError::Unseal(context.what))
    }
}

impl SealContext {
    /// Creates a context. `row` are the parts that identify the row.
    pub(crate) fn new(table: &'static str, row: &[&[u8]], what: &'static str) -> Self {
        Self {
            table,
            row: framed(row),
            what,
        }
    }

    fn additional_data(&self) -> Aad<Vec<u8>> {
        Aad::from(framed(&[
            b"countersign-store/sealed",
            &[VERSION],
            self.table.as_bytes(),
            &self.row,
        ]))
    }
}

/// Concatenates parts, each after its length, so that different lists of parts never give the same bytes.
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

    fn context(table: &'static str, row: u8) -> SealContext {
        SealContext::new(table, &[&[row]], "the pepper")
    }

    fn pepper() -> SealContext {
        context("peppers", 1)
    }

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&[byte; 32]).unwrap()
    }

    #[test]
    fn secret_is_decrypted_in_its_own_context_with_its_own_key() {
        let sealed = sealer(1).seal(&pepper(), b"secret", &SystemRandom).unwrap();
        assert_eq!(**sealer(1).open(&pepper(), &sealed).unwrap(), *b"secret");
    }

    #[test]
    fn secret_is_not_decrypted_in_another_context_or_with_another_key() {
        let sealed = sealer(1).seal(&pepper(), b"secret", &SystemRandom).unwrap();
        for other in [context("signing_keys", 1), context("peppers", 2)] {
            assert!(sealer(1).open(&other, &sealed).is_err());
        }
        assert!(sealer(2).open(&pepper(), &sealed).is_err());
    }

    #[test]
    fn secret_is_not_decrypted_after_any_byte_was_changed_or_cut() {
        let sealed = sealer(1).seal(&pepper(), b"secret", &SystemRandom).unwrap();
        for i in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[i] ^= 1;
            assert!(sealer(1).open(&pepper(), &changed).is_err(), "at {i}");
            assert!(sealer(1).open(&pepper(), &sealed[..i]).is_err());
        }
    }

    #[test]
    fn secret_encrypted_twice_gives_two_ciphertexts() {
        let seal = || sealer(1).seal(&pepper(), b"secret", &SystemRandom).unwrap();
        assert_ne!(seal(), seal());
    }
}
