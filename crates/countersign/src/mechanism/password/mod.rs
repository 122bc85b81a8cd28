//! Passwords: Argon2id, off the async threads, behind a bounded queue, and not twice in five minutes for one
//! that was right.

mod argon2id;
mod attempt;
mod flights;
mod recent;

use std::fmt;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::directory::{self, Credential, StoredSecret};
use crate::mechanism::MAX_PASSWORD;
use crate::mechanism::failures::{FailureLimit, Network};
use crate::principal::Identity;
use crate::random::Random;
use crate::reason::Reason;
use crate::secret::Secret;
use argon2id::Argon2id;
use attempt::Refusal;
use flights::Flights;
use recent::{Digest, Recent};

pub(super) use attempt::Attempt;

/// How many may wait for each that is being hashed. The rest are told to come back.
const WAITING_PER_PERMIT: usize = 16;

/// Hashes and checks passwords with Argon2id (19 MiB, two passes, one lane).
///
/// Each hash runs on one of tokio's blocking threads; at most `parallel` run at once, sixteen times as
/// many wait, and whoever comes then is answered with 503. An unknown user costs the same hash as a wrong
/// password. The memory of `parallel` hashes is kept and used again: allocated anew each time, it
/// would leave a multiple of itself behind.
///
/// A password that let its user in is not hashed again for five minutes: a digest of it is remembered, under
/// a key that is made for this process, along with the credential's id, generation and kept hash. So a
/// changed password, or any other change that bumps the generation, is judged anew at once; status, expiry and
/// address are judged on every request. Wrong passwords are not remembered. Requests that bring the
/// same password at the same time are judged by one hash. None of this gets past a
/// [`FailureLimit`]: without room a remembered password is refused as any other. Clones
/// remember the same; 10,000 at most.
#[derive(Clone)]
pub struct PasswordHasher {
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
    argon2id: Arc<Argon2id>,
    recent: Arc<Recent>,
    /// Attempts that share a place: the same password from the same address.
    places: Arc<Flights<(Digest, Option<Network>)>>,
    /// Those that share a hash, from wherever. Each address has found its own room.
    hashes: Arc<Flights<Digest>>,
    /// The hash of no user's password, for names that nobody has.
    nobody: Arc<str>,
    #[cfg(feature = "testing")]
    checked: Arc<std::sync::atomic::AtomicU64>,
}

impl PasswordHasher {
    /// A hasher that runs at most `parallel` hashes at once.
    ///
    /// # Errors
    ///
    /// [`PasswordError`] when no random bytes can be had.
    pub fn new(parallel: usize, random: &dyn Random) -> Result<Self, PasswordError> {
        let parallel = parallel.max(1);
        let argon2id = Argon2id::new()?;
        let nobody = argon2id.hash("nobody's", random)?.expose().into();
        Ok(Self {
            running: Arc::new(Semaphore::new(parallel)),
            admitted: Arc::new(Semaphore::new(parallel * (1 + WAITING_PER_PERMIT))),
            argon2id: Arc::new(argon2id),
            recent: Arc::new(Recent::new(random).map_err(|_| PasswordError)?),
            places: Arc::default(),
            hashes: Arc::default(),
            nobody,
            #[cfg(feature = "testing")]
            checked: Arc::default(),
        })
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
        self.argon2id.hash(password, random)
    }

    /// How many passwords this hasher and its clones have hashed to judge them.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn passwords_checked(&self) -> u64 {
        self.checked.load(std::sync::atomic::Ordering::SeqCst)
    }

    /// Judges by a hash, or without one what was right lately; neither where `limit` has no room.
    ///
    /// Whether there is room is asked once, of what is remembered as of what is not: were it known before
    /// that a password is remembered, many guesses at once would be told from it by the room for one.
    pub(super) async fn judge(
        &self,
        attempt: &Attempt<'_>,
        limit: Option<&FailureLimit>,
    ) -> Result<Identity, Refusal> {
        let (who, now) = (attempt.who(), attempt.now);
        let presumed = self.presume(attempt);
        if self.recent.holds(&presumed.digest, now) {
            limit.map_or(Ok(()), |limit| limit.check(&who, now))?;
            if let Some(identity) = recall(attempt, &presumed) {
                return Ok(identity);
            }
        }
        let mut place = None;
        let check = async {
            place = limit.map(|limit| limit.hold(&who, now)).transpose()?;
            let check = self.check(attempt.password, presumed.hash.clone());
            Ok::<_, Refusal>(self.hashes.join(presumed.digest, check).await?)
        };
        let same = (presumed.digest, who.network());
        let right = self.places.join(same, check).await;
        let judged = match right {
            Ok(right) => self.conclude(attempt, presumed, right),
            // Its place goes with it, taken: were it given back, guesses would be free while there is no room for
            // hashes, and what is remembered would be told from them.
            Err(busy @ Refusal::Because(Reason::HasherBusy)) => return Err(busy),
            Err(Refusal::Because(reason)) => Err(reason),
            Err(throttled) => return Err(throttled),
        };
        let outcome = judged.as_ref().map(drop).map_err(|&reason| reason);
        match (place, limit) {
            (Some(place), _) => place.settle(outcome),
            // The same attempt from the same address held the place. A failure is one all the same.
            (None, Some(limit)) => limit.count(&who, outcome, now),
            (None, None) => {}
        }
        Ok(judged?)
    }

    fn conclude(
        &self,
        attempt: &Attempt<'_>,
        presumed: Presumed,
        right: bool,
    ) -> Result<Identity, Reason> {
        let known = presumed.credential.ok_or(Reason::CredentialUnknown)?;
        if !right {
            return Err(Reason::SecretWrong);
        }
        // The hash took its time: what was changed meanwhile counts.
        let directory = attempt.directory;
        directory
            .check_freshness()
            .map_err(|_| Reason::DirectoryStale)?;
        let present = directory
            .credential(&known.id)
            .filter(|present| {
                present.generation == known.generation
                    && matches!(&present.secret, StoredSecret::Password(hash) if *hash == presumed.hash)
            })
            .ok_or(Reason::CredentialRevoked)?;
        let identity = attempt.finish(present)?;
        self.recent.remember(presumed.digest, attempt.now);
        Ok(identity)
    }

    /// What an attempt will be judged by. The work is the same for names that nobody has.
    fn presume(&self, attempt: &Attempt<'_>) -> Presumed {
        let credential = attempt.directory.user(attempt.name);
        let known = credential.as_ref().and_then(|known| match &known.secret {
            StoredSecret::Password(hash) => Some((known.id, known.generation, Arc::clone(hash))),
            StoredSecret::Key(_) | StoredSecret::Signature => None,
        });
        let (id, generation, hash) =
            known.unwrap_or_else(|| (Credential::unknown().id, 0, Arc::clone(&self.nobody)));
        let digest = self.recent.digest(&[
            // Else the same guess for two names that nobody has would be one check, and take half the time.
            attempt.name.as_str().as_bytes(),
            id.as_bytes(),
            &generation.to_be_bytes(),
            hash.as_bytes(),
            attempt.password.as_bytes(),
        ]);
        Presumed {
            credential,
            hash,
            digest,
        }
    }

    async fn check(&self, password: &str, hash: Arc<str>) -> Result<bool, Reason> {
        let admitted = Arc::clone(&self.admitted)
            .try_acquire_owned()
            .map_err(|_| Reason::HasherBusy)?;
        let running = Arc::clone(&self.running);
        let running = running
            .acquire_owned()
            .await
            .map_err(|_| Reason::HasherBusy)?;
        #[cfg(feature = "testing")]
        self.checked
            .fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let argon2id = Arc::clone(&self.argon2id);
        let password = Secret::from(password.to_owned());
        // Both permits go with the hash: a caller that gives up does not make room for another one.
        tokio::task::spawn_blocking(move || {
            let _permits = (admitted, running);
            argon2id.verify(password.expose(), &hash)
        })
        .await
        .map_err(|_| Reason::HasherFailed)?
        // A kept hash that cannot be read says nothing of the password: never judged, not wrong.
        .map_err(|_| Reason::HasherFailed)
    }
}

/// Whoever is let in by what is remembered. Where it no longer lets anybody in, it is hashed as all others
/// are: how long the refusal takes tells nobody that the password is right.
fn recall(attempt: &Attempt<'_>, presumed: &Presumed) -> Option<Identity> {
    attempt.directory.check_freshness().ok()?;
    attempt.finish(presumed.credential.clone()?).ok()
}

impl fmt::Debug for PasswordHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHasher").finish_non_exhaustive()
    }
}

/// What an attempt will be judged by.
struct Presumed {
    credential: Option<Credential>,
    hash: Arc<str>,
    digest: Digest,
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
    use super::*;
    use crate::random::SystemRandom;

    #[tokio::test]
    async fn password_is_never_judged_by_a_kept_hash_that_cannot_be_read() {
        let hasher = PasswordHasher::new(1, &SystemRandom).unwrap();
        let right = hasher.hash("x", &SystemRandom).unwrap();
        let check = |kept: &str| hasher.check("x", kept.into());
        assert_eq!(check(right.expose()).await, Ok(true));
        let broken = right.expose().replacen("m=19456", "m=0", 1);
        for kept in ["", "x", &broken] {
            assert_eq!(check(kept).await, Err(Reason::HasherFailed), "{kept}");
        }
    }

    #[tokio::test]
    async fn memory_of_one_hash_is_used_for_all_when_one_runs_at_a_time() {
        let hasher = PasswordHasher::new(1, &SystemRandom).unwrap();
        let checks = (0..8).map(|_| {
            let hasher = hasher.clone();
            tokio::spawn(async move { hasher.check("x", Arc::clone(&hasher.nobody)).await })
        });
        for check in checks.collect::<Vec<_>>() {
            assert_eq!(check.await.unwrap(), Ok(false));
        }
        assert_eq!(hasher.argon2id.kept(), 1);
    }
}
