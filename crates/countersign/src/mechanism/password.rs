//! Passwords: Argon2id, off the async threads, behind a bounded queue.

use std::fmt;
use std::sync::Arc;

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::directory::{Directory, Proof, UserName};
use crate::mechanism::{MAX_PASSWORD, api_keys};
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
/// Each hash runs on one of tokio's blocking threads; at most `parallel` run at once, sixteen times as many wait,
/// and whoever comes then is answered with 503. An unknown user costs the same hash as a wrong password.
#[derive(Clone)]
pub struct PasswordHasher {
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
    argon2: Argon2<'static>,
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
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            nobody: "".into(),
        };
        hasher.nobody = hasher.hash("nobody's", random)?.expose().into();
        Ok(hasher)
    }

    /// The PHC string of a password. It blocks for some 20 ms.
    ///
    /// # Errors
    ///
    /// [`PasswordError`] when no salt can be had, or the password is empty or longer than 1 KiB.
    pub fn hash(&self, password: &str, random: &dyn Random) -> Result<Secret, PasswordError> {
        if !(1..=MAX_PASSWORD).contains(&password.len()) {
            return Err(PasswordError);
        }
        let mut salt = [0; 16];
        random.fill(&mut salt).map_err(|_| PasswordError)?;
        let hash = self
            .argon2
            .hash_password_with_salt(password.as_bytes(), &salt)
            .map_err(|_| PasswordError)?;
        Ok(Secret::from(hash.to_string()))
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
        credential.usable(now)?;
        Ok(api_keys::identity(credential, Scheme::Basic))
    }

    async fn check(&self, password: Secret, hash: Arc<str>) -> Result<bool, Reason> {
        let busy = |_| Reason::HasherBusy;
        let admitted = Arc::clone(&self.admitted)
            .try_acquire_owned()
            .map_err(|_| Reason::HasherBusy)?;
        let running = Arc::clone(&self.running)
            .acquire_owned()
            .await
            .map_err(busy)?;
        let argon2 = self.argon2.clone();
        // Both permits go with the hash: a caller that gives up does not make room for another one.
        tokio::task::spawn_blocking(move || {
            let _permits = (admitted, running);
            argon2
                .verify_password(password.expose().as_bytes(), &*hash)
                .is_ok()
        })
        .await
        .map_err(|_| Reason::HasherBusy)
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
