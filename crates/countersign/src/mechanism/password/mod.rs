//! Passwords, hashed with Argon2id on blocking threads behind a bounded queue. A verified password is
//! cached for five minutes.

mod argon2id;
mod attempt;
mod bcrypt;
mod cache;
mod places;

use std::fmt;
use std::sync::Arc;

use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization as _;

use crate::directory::password_hash::cost;
use crate::directory::{self, Credential, Directory, PasswordUpgrade, StoredSecret, look_up};
use crate::id::Id;
use crate::mechanism::failures::Network;
use crate::mechanism::shared_checks::SharedChecks;
use crate::mechanism::{FailureLimit, MAX_PASSWORD, Outcome};
use crate::principal::Identity;
use crate::random::Random;
use crate::reason::Reason;
use crate::secret::Secret;
use argon2id::Argon2id;
use cache::{Digest, VerifiedPasswords};
use places::Places;

pub(super) use attempt::Attempt;

/// The number of passwords that may wait for each one that is being hashed. Further ones are rejected
/// with 503.
const WAITING_PER_PERMIT: usize = 32;

/// The id that stands for every unknown user in the digests of the cache.
const UNKNOWN_USER: Id = Id::from_bytes([0; 20]);

/// Hashes and verifies passwords with Argon2id (19 MiB, two passes, one lane). It also verifies the bcrypt hashes of users
/// that were imported from another system.
///
/// Each hash runs on a blocking thread of tokio. At most `parallel` hashes run at once, and 32 times as
/// many wait; further ones are rejected with 503. One network (an IPv4 address, or an IPv6 /64, /56 or
/// /48) takes about half of the places, and leaves the others to other networks. An unknown user costs
/// as much as the hash in use that takes longest, and so does a wrong password, so that the time does not show which names
/// exist. The memory of the hashes is reused, because allocating it anew each time fragments
/// the heap.
///
/// A verified password is not hashed again for five minutes. The cache holds a digest of the password
/// together with the credential's id, generation and password hash, under a random key of this process.
/// A changed password, and any other change that raises the generation, therefore needs a new hash;
/// status, expiry and address are checked on every request. Wrong passwords are not cached. The right password of an imported
/// user is hashed once more, by the method above, and [reported](crate::directory::Usage::password) to a directory that stores it. Requests
/// with the same password at the same time share one hash. A [`FailureLimit`] applies to cached
/// passwords too. Clones share the cache, which holds at most 10,000 entries.
///
/// Passwords are compared as RFC 8265 §4.2 (`OpaqueString`) prescribes: in Unicode's normalization form C, with one
/// kind of space, so that it does not matter how a keyboard or operating system encodes a letter with an accent.
#[derive(Clone)]
pub struct PasswordHasher {
    running: Arc<Semaphore>,
    places: Arc<Places>,
    argon2id: Arc<Argon2id>,
    random: Arc<dyn Random>,
    cache: Arc<VerifiedPasswords>,
    /// Attempts with the same password from the same address share one reservation.
    attempts: Arc<SharedChecks<(Digest, Option<Network>)>>,
    /// Attempts with the same password from any address share one hash.
    checks: Arc<SharedChecks<Digest>>,
    /// The hash that is computed for unknown users.
    dummy: Arc<str>,
    #[cfg(feature = "testing")]
    checked: Arc<std::sync::atomic::AtomicU64>,
}

impl PasswordHasher {
    /// Creates a hasher that runs at most `parallel` hashes at once.
    ///
    /// # Errors
    ///
    /// [`PasswordError`] if there are no random bytes.
    pub fn new(parallel: usize, random: impl Random) -> Result<Self, PasswordError> {
        let parallel = parallel.max(1);
        let argon2id = Argon2id::new()?;
        let dummy = argon2id.hash("unknown user", &random)?.expose().into();
        Ok(Self {
            running: Arc::new(Semaphore::new(parallel)),
            places: Arc::new(Places::new(parallel * (1 + WAITING_PER_PERMIT))),
            argon2id: Arc::new(argon2id),
            cache: Arc::new(VerifiedPasswords::new(&random).map_err(|_| PasswordError)?),
            random: Arc::new(random),
            attempts: Arc::default(),
            checks: Arc::default(),
            dummy,
            #[cfg(feature = "testing")]
            checked: Arc::default(),
        })
    }

    /// Computes the hash of a password. It blocks the thread for about 20 ms.
    ///
    /// # Errors
    ///
    /// [`PasswordError`] if the password is empty or longer than 1 KiB, or if there is no salt.
    pub fn hash(&self, password: &str) -> Result<directory::PasswordHash, PasswordError> {
        if !(1..=MAX_PASSWORD).contains(&password.len()) {
            return Err(PasswordError);
        }
        self.argon2id
            .hash(prepare(password).expose(), &*self.random)
    }

    /// Returns the number of passwords that this hasher and its clones have hashed to verify them.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn passwords_checked(&self) -> u64 {
        self.checked.load(std::sync::atomic::Ordering::SeqCst)
    }

    /// Accepts a password that was verified recently. The caller has checked the limit. Returns `None` for all other passwords.
    pub(super) fn try_verify(
        &self,
        attempt: &Attempt<'_>,
        limit: Option<&FailureLimit>,
    ) -> Option<Outcome> {
        let target = match self.target(attempt) {
            Ok(target) => target,
            Err(reason) => return Some(Outcome::Unavailable(reason)),
        };
        if !self.is_cached(attempt, &target, limit) {
            return None;
        }
        // If the credential may no longer be used, the password is hashed like any other, so that the time of the rejection
        // does not show that it is right.
        let identity = attempt.finish(target.credential?, None).ok()?;
        Some(Outcome::Accepted(identity))
    }

    /// Returns whether the password was verified recently.
    fn is_cached(
        &self,
        attempt: &Attempt<'_>,
        target: &Target,
        limit: Option<&FailureLimit>,
    ) -> bool {
        // While passwords from these networks find no place, the cache is not asked: otherwise wrong passwords would
        // be free of charge, and right ones the only ones to be accepted.
        let is_often_busy =
            |limit: &FailureLimit| limit.is_often_busy(&attempt.client(), attempt.now);
        !limit.is_some_and(is_often_busy) && self.cache.contains(&target.digest, attempt.now)
    }

    /// Verifies a password that was not accepted by [`try_verify`](Self::try_verify).
    ///
    /// The limit is checked in the same way for cached passwords and others. If clients could
    /// tell a cached password from others by the limit, many attempts at once would find it.
    pub(super) async fn verify(
        &self,
        attempt: &Attempt<'_>,
        limit: Option<&FailureLimit>,
    ) -> Outcome {
        let (client, now) = (attempt.client(), attempt.now);
        let target = match self.target(attempt) {
            Ok(target) => target,
            Err(reason) => return Outcome::Unavailable(reason),
        };
        let mut reservation = None;
        let check = async {
            reservation = limit
                .map(|limit| limit.reserve(&client, now))
                .transpose()
                .map_err(Outcome::from)?;
            let padding = self.padding(attempt.directory, &target.hash);
            let hash = (Arc::clone(&target.hash), padding);
            let check = self.check(attempt.password, hash, client.networks());
            let result = self.checks.join(target.digest, check).await;
            result.map_err(|reason| Outcome::from(Err(reason)))
        };
        let same_attempt = (target.digest, client.networks().first().copied());
        let result = match self.attempts.join(same_attempt, check).await {
            Ok(right) => self.conclude(attempt, target, right).await,
            // The password could not be verified, which is no failed attempt.
            Err(Outcome::Unavailable(reason)) => Err(reason),
            Err(outcome) => return outcome,
        };
        if let (Some(limit), Err(Reason::HasherBusy)) = (limit, &result) {
            limit.count_busy(&client, now);
        }
        let failed = result.as_ref().map(drop).map_err(|&reason| reason);
        match (reservation, limit) {
            (Some(reservation), _) => reservation.finish(failed),
            // The same attempt from the same address has the reservation. A failure still counts.
            (None, Some(limit)) => limit.count(&client, failed, now),
            (None, None) => {}
        }
        result.into()
    }

    async fn conclude(
        &self,
        attempt: &Attempt<'_>,
        target: Target,
        right: bool,
    ) -> Result<Identity, Reason> {
        let known = target.credential.ok_or(Reason::CredentialUnknown)?;
        if !right {
            return Err(Reason::SecretWrong);
        }
        let directory = attempt.directory;
        let upgrade = match directory.stores_password_upgrades() {
            true => self.upgrade(attempt.password, &target.hash).await,
            false => None,
        };
        // Hashing takes time: the credential may have changed meanwhile.
        let current = look_up(directory, || directory.credential(&known.id))?
            .filter(|current| {
                current.generation == known.generation
                    && matches!(&current.secret, StoredSecret::Password(hash) if *hash == target.hash)
            })
            .ok_or(Reason::CredentialRevoked)?;
        let identity = attempt.finish(current, upgrade)?;
        self.cache.insert(target.digest, attempt.now);
        Ok(identity)
    }

    /// Returns what the password is verified against. The work is the same for unknown users.
    fn target(&self, attempt: &Attempt<'_>) -> Result<Target, Reason> {
        let directory = attempt.directory;
        let credential = look_up(directory, || directory.user(attempt.name))?;
        let known = credential.as_ref().and_then(|known| match &known.secret {
            StoredSecret::Password(hash) => Some((known.id, known.generation, Arc::clone(hash))),
            _ => None,
        });
        let (id, generation, hash) =
            known.unwrap_or_else(|| (UNKNOWN_USER, 0, Arc::clone(&self.dummy)));
        let digest = self.cache.digest(&[
            // Otherwise the same password for two unknown names would share one check and take half the
            // time.
            attempt.name.as_str().as_bytes(),
            id.as_bytes(),
            &generation.to_be_bytes(),
            hash.as_bytes(),
            attempt.password.as_bytes(),
        ]);
        Ok(Target {
            credential,
            hash,
            digest,
        })
    }

    /// Returns the cost of what is computed too if the password does not match `hash`, so that a wrong password costs the
    /// same whether the user is known, and by whichever method its password was hashed.
    fn padding(&self, directory: &dyn Directory, hash: &str) -> u64 {
        let costliest = directory.costliest_password();
        let costliest = costliest
            .and_then(|hash| cost(&hash))
            .max(cost(&self.dummy));
        let (most, own) = (
            costliest.unwrap_or_default(),
            cost(hash).unwrap_or_default(),
        );
        most.saturating_sub(own)
    }

    async fn check(
        &self,
        password: &str,
        (hash, padding): (Arc<str>, u64),
        networks: Vec<Network>,
    ) -> Result<bool, Reason> {
        let place = Arc::clone(&self.places).take(networks);
        let place = place.ok_or(Reason::HasherBusy)?;
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
        // The place and the permit last as long as the hash, even if the request is cancelled.
        tokio::task::spawn_blocking(move || {
            let _held = (place, running);
            let verify = |hash: &str| match bcrypt::verify(password.expose(), hash) {
                Some(result) => result,
                None => argon2id.verify(password.expose(), hash),
            };
            // A hash that would take too long is one that cannot be read.
            cost(&hash).ok_or(PasswordError)?;
            let matches = verify(&hash)?;
            if !matches {
                argon2id.spend(padding)?;
            }
            Ok(matches)
        })
        .await
        .map_err(|_| Reason::HasherFailed)?
        // A stored hash that cannot be read says nothing about the password: 503, not 401.
        .map_err(|_: PasswordError| Reason::HasherFailed)
    }

    /// Hashes the password of an imported user again, by the own method. If the hasher is busy, this is done another time.
    async fn upgrade(&self, password: &str, hash: &str) -> Option<PasswordUpgrade> {
        if self.argon2id.is_own(hash) {
            return None;
        }
        let outdated = hash.parse().ok()?;
        let running = Arc::clone(&self.running).try_acquire_owned().ok()?;
        let password = Secret::from(password.to_owned());
        let (argon2id, random) = (Arc::clone(&self.argon2id), Arc::clone(&self.random));
        let renewed = tokio::task::spawn_blocking(move || {
            let _held = running;
            argon2id.hash(password.expose(), &*random)
        });
        let renewed = renewed.await.ok()?.ok()?;
        Some(PasswordUpgrade { outdated, renewed })
    }
}

/// Prepares a password for hashing: the same text gives the same bytes, however it is encoded (RFC 8265 §4.2.2). Spaces
/// outside ASCII become U+0020, and letters their normalization form C.
pub(super) fn prepare(password: &str) -> Secret {
    // ASCII is in form C, and has one space.
    if password.is_ascii() {
        return Secret::from(password.to_owned());
    }
    let space = |c: char| match c {
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => {
            ' '
        }
        other => other,
    };
    // Sufficient capacity, since form C is at most three times as long: reallocation would leave copies in memory.
    let mut prepared = String::with_capacity(3 * password.len());
    prepared.extend(password.chars().map(space).nfc());
    Secret::from(prepared)
}

impl fmt::Debug for PasswordHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHasher").finish_non_exhaustive()
    }
}

/// What a password is verified against.
struct Target {
    credential: Option<Credential>,
    hash: Arc<str>,
    digest: Digest,
}

/// An error of hashing a password: it is empty or longer than 1 KiB, or there was no salt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot hash the password: it must have 1 to 1024 bytes")]
pub struct PasswordError;

#[cfg(test)]
mod tests;
