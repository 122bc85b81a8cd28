//! Passwords: Argon2id, off the async threads, behind a bounded queue, in memory that is kept.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc::{Output, ParamsString, Salt};
use argon2::{Algorithm, Argon2, Block, Params, PasswordHash, Version};
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;

use crate::directory::{self, Directory, Proof, UserName};
use crate::mechanism::MAX_PASSWORD;
use crate::principal::{Identity, Scheme};
use crate::random::Random;
use crate::rejection::Reason;
use crate::secret::Secret;
use crate::time::Timestamp;

/// OWASP's Argon2id parameters: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// How many may wait for each that is being hashed. The rest are told to come back.
const WAITING_PER_PERMIT: usize = 16;

/// Hashes and checks passwords with Argon2id (19 MiB, two passes, one lane).
///
/// Each hash runs on one of tokio's blocking threads; at most `parallel` run at once, sixteen times as
/// many wait, and whoever comes then is answered with 503. An unknown user costs the same hash as a wrong
/// password. The memory of `parallel` hashes is kept and used again: allocated anew each time, it
/// would leave a multiple of itself behind.
#[derive(Clone)]
pub struct PasswordHasher {
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
    memory: Arc<Mutex<Vec<Vec<Block>>>>,
    params: Params,
    /// The hash of no user's password, for names that nobody has.
    nobody: Arc<str>,
}

impl PasswordHasher {
    /// A hasher that runs at most `parallel` hashes at once.
    ///
    /// # Errors
    ///
    /// [`PasswordError`] when no salt can be had.
    pub fn new(parallel: usize, random: &dyn Random) -> Result<Self, PasswordError> {
        let parallel = parallel.max(1);
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| PasswordError)?;
        let mut hasher = Self {
            running: Arc::new(Semaphore::new(parallel)),
            admitted: Arc::new(Semaphore::new(parallel * (1 + WAITING_PER_PERMIT))),
            memory: Arc::default(),
            params,
            nobody: "".into(),
        };
        hasher.nobody = hasher.hash("nobody's", random)?.expose().into();
        Ok(hasher)
    }

    /// The hash of a password. It blocks for some 20 ms.
    ///
    /// # Errors
    ///
    /// [`PasswordError`] when no salt can be had, or the password is empty or longer than 1 KiB.
    pub fn hash(
        &self,
        password: &str,
        random: &dyn Random,
    ) -> Result<directory::PasswordHash, PasswordError> {
        if !(1..=MAX_PASSWORD).contains(&password.len()) {
            return Err(PasswordError);
        }
        let mut salt = [0; 16];
        random.fill(&mut salt).map_err(|_| PasswordError)?;
        let mut out = [0; Params::DEFAULT_OUTPUT_LEN];
        self.compute(&self.params, password, &salt, &mut out)?;
        let hash = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&self.params).map_err(|_| PasswordError)?,
            salt: Some(Salt::new(&salt).map_err(|_| PasswordError)?),
            hash: Some(Output::new(&out).map_err(|_| PasswordError)?),
        };
        hash.to_string().parse().map_err(|_| PasswordError)
    }

    pub(super) async fn judge(
        &self,
        directory: &dyn Directory,
        name: &UserName,
        password: Secret,
        now: Timestamp,
    ) -> Result<Identity, Reason> {
        directory.vouch().map_err(|_| Reason::DirectoryStale)?;
        let credential = directory.user(name);
        let hash = match credential.as_ref().map(|known| &known.proof) {
            Some(Proof::Password(hash)) => Arc::clone(hash),
            Some(Proof::Key(_)) | None => Arc::clone(&self.nobody),
        };
        let right = self.check(password, hash).await?;
        let credential = credential.ok_or(Reason::CredentialUnknown)?;
        if !right {
            return Err(Reason::SecretWrong);
        }
        // The hash took its time: what was changed meanwhile counts.
        directory.vouch().map_err(|_| Reason::DirectoryStale)?;
        let credential = directory
            .credential(&credential.id)
            .filter(|present| present.generation == credential.generation)
            .ok_or(Reason::CredentialRevoked)?;
        Identity::proven(credential, Scheme::Basic, now)
    }

    async fn check(&self, password: Secret, hash: Arc<str>) -> Result<bool, Reason> {
        let busy = |_| Reason::HasherBusy;
        let admitted = Arc::clone(&self.admitted)
            .try_acquire_owned()
            .map_err(|_| Reason::HasherBusy)?;
        let running = Arc::clone(&self.running);
        let running = running.acquire_owned().await.map_err(busy)?;
        let hasher = self.clone();
        // Both permits go with the hash: a caller that gives up does not make room for another one.
        tokio::task::spawn_blocking(move || {
            let _permits = (admitted, running);
            hasher.verify(password.expose(), &hash)
        })
        .await
        .map_err(|_| Reason::HasherBusy)?
        // A kept hash that cannot be read says nothing of the password: never judged, not wrong.
        .map_err(|_| Reason::HasherBusy)
    }

    /// Whether `password` is the one behind a PHC string, by the parameters in it.
    fn verify(&self, password: &str, hash: &str) -> Result<bool, PasswordError> {
        let hash = PasswordHash::new(hash).map_err(|_| PasswordError)?;
        let params = Params::try_from(&hash).map_err(|_| PasswordError)?;
        let (Some(salt), Some(kept)) = (hash.salt, hash.hash) else {
            return Err(PasswordError);
        };
        if hash.algorithm != Algorithm::Argon2id.ident() {
            return Err(PasswordError);
        }
        let mut out = [0; Output::MAX_LENGTH];
        let out = out.get_mut(..kept.len()).ok_or(PasswordError)?;
        self.compute(&params, password, &salt, out)?;
        Ok(kept.as_bytes().ct_eq(out).into())
    }

    fn compute(
        &self,
        params: &Params,
        password: &str,
        salt: &[u8],
        out: &mut [u8],
    ) -> Result<(), PasswordError> {
        let memory = || self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let mut blocks = memory().pop().unwrap_or_default();
        if blocks.len() < params.block_count() {
            blocks.resize(params.block_count(), Block::new());
        }
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        let used = blocks.get_mut(..params.block_count()).unwrap_or_default();
        let done = argon2.hash_password_into_with_memory(password.as_bytes(), salt, out, used);
        memory().push(blocks);
        done.map_err(|_| PasswordError)
    }
}

impl fmt::Debug for PasswordHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHasher").finish_non_exhaustive()
    }
}

/// A password could not be hashed: it is empty or longer than 1 KiB, or no salt could be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordError;

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the password cannot be hashed: it must have 1 to 1024 bytes")
    }
}

impl std::error::Error for PasswordError {}

#[cfg(test)]
mod tests {
    use argon2::password_hash::PasswordVerifier as _;

    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn hash_is_a_phc_string_that_the_library_verifies_by_itself() {
        let hasher = PasswordHasher::new(1, &SystemRandom).unwrap();
        let hash = hasher.hash("correct horse", &SystemRandom).unwrap();
        let hash = hash.expose();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert!(
            Argon2::default()
                .verify_password(b"correct horse", hash)
                .is_ok()
        );
        assert!(
            Argon2::default()
                .verify_password(b"wrong horse", hash)
                .is_err()
        );
        assert_eq!(hasher.verify("correct horse", hash), Ok(true));
        assert_eq!(hasher.verify("wrong horse", hash), Ok(false));
    }

    #[test]
    fn hash_of_another_kind_is_never_right() {
        let hasher = PasswordHasher::new(1, &SystemRandom).unwrap();
        // RFC 9106's variants with the same password would be another hash; a plain text is none.
        let hash = hasher.hash("x", &SystemRandom).unwrap();
        let other = hash.expose().replacen("argon2id", "argon2i", 1);
        assert!(hasher.verify("x", &other).is_err());
        assert!(hasher.verify("x", "x").is_err());
        assert!(hasher.verify("x", "").is_err());
    }

    #[tokio::test]
    async fn password_is_never_judged_by_a_kept_hash_that_cannot_be_read() {
        let hasher = PasswordHasher::new(1, &SystemRandom).unwrap();
        let right = hasher.hash("x", &SystemRandom).unwrap();
        let check = |kept: &str| hasher.check(Secret::from("x".to_owned()), kept.into());
        assert_eq!(check(right.expose()).await, Ok(true));
        let broken = right.expose().replacen("m=19456", "m=0", 1);
        for kept in ["", "x", &broken] {
            assert_eq!(check(kept).await, Err(Reason::HasherBusy), "{kept}");
        }
    }

    #[tokio::test]
    async fn memory_of_one_hash_is_used_for_all_when_one_runs_at_a_time() {
        let hasher = PasswordHasher::new(1, &SystemRandom).unwrap();
        let checks = (0..8).map(|_| {
            let hasher = hasher.clone();
            tokio::spawn(async move {
                hasher
                    .check(Secret::from("x".to_owned()), Arc::clone(&hasher.nobody))
                    .await
            })
        });
        for check in checks.collect::<Vec<_>>() {
            assert_eq!(check.await.unwrap(), Ok(false));
        }
        assert_eq!(hasher.memory.lock().unwrap().len(), 1);
    }
}
