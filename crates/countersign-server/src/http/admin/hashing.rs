//! Passwords are hashed one after another, and few may wait for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign::directory::PasswordHash;
use countersign::mechanism::password::PasswordHasher;
use countersign::random::SystemRandom;
use countersign::{Id, Secret};
use tokio::sync::Semaphore;

use super::problem::Problem;

/// The most that are in the queue, whoever's turn it is among them.
const LONGEST: usize = 16;
/// The most of one account: none fills it for all others.
const OF_ONE_ACCOUNT: usize = 4;

/// A hash takes 19 MiB and some 20 ms, away from those who answer requests.
pub(super) struct Hashing {
    hasher: PasswordHasher,
    turn: Arc<Semaphore>,
    queue: Arc<Queue>,
}

impl Hashing {
    pub(super) fn new(hasher: PasswordHasher) -> Self {
        Self {
            hasher,
            turn: Arc::new(Semaphore::new(1)),
            queue: Arc::default(),
        }
    }

    /// What is kept of a password that somebody of `account` gives; `None`: of the default account.
    pub(super) async fn hash(
        &self,
        account: Option<Id>,
        password: Secret,
    ) -> Result<PasswordHash, Problem> {
        let invalid = || {
            let detail = "`password` has 1 to 1024 bytes, and no control character: Basic could not carry it.";
            Problem::invalid("invalid_password", detail)
        };
        if password.expose().chars().any(char::is_control) {
            return Err(invalid());
        }
        let place = Place::take(&self.queue, account).ok_or_else(Problem::busy)?;
        let turn = Arc::clone(&self.turn).acquire_owned().await;
        let turn = turn.map_err(|_| Problem::internal())?;
        let hasher = self.hasher.clone();
        let hashed = tokio::task::spawn_blocking(move || {
            // Also where nobody waits for it any more.
            let _until_done = (place, turn);
            hasher.hash(password.expose(), &SystemRandom)
        });
        hashed
            .await
            .map_err(|_| Problem::internal())?
            .map_err(|_| invalid())
    }
}

/// The accounts of those who are in it.
#[derive(Default)]
struct Queue(Mutex<Vec<Option<Id>>>);

impl Queue {
    fn accounts(&self) -> MutexGuard<'_, Vec<Option<Id>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// It is free again when this is gone.
struct Place {
    queue: Arc<Queue>,
    account: Option<Id>,
}

impl Place {
    fn take(queue: &Arc<Queue>, account: Option<Id>) -> Option<Self> {
        let mut accounts = queue.accounts();
        let own = accounts.iter().filter(|one| **one == account).count();
        if accounts.len() >= LONGEST || own >= OF_ONE_ACCOUNT {
            return None;
        }
        accounts.push(account);
        Some(Self {
            queue: Arc::clone(queue),
            account,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut accounts = self.queue.accounts();
        if let Some(own) = accounts.iter().position(|one| *one == self.account) {
            accounts.swap_remove(own);
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign::time::{Clock as _, SystemClock};
    use futures_util::FutureExt as _;

    use super::*;

    fn account() -> Option<Id> {
        Some(Id::new_account(SystemClock.now(), &SystemRandom).unwrap())
    }

    #[test]
    fn one_account_has_four_places_and_all_accounts_have_sixteen() {
        let queue = Arc::default();
        let [a, b, c, d] = [None, account(), account(), account()];
        let mut places: Vec<_> = [a, b, c, d]
            .into_iter()
            .flat_map(|account| [account; 5])
            .filter_map(|account| Place::take(&queue, account))
            .collect();
        assert_eq!(places.len(), 16);
        assert!(Place::take(&queue, account()).is_none());
        let first = places.remove(0);
        assert!(first.account == a && Place::take(&queue, b).is_none());
        drop(first);
        assert!(Place::take(&queue, b).is_none());
        assert!(Place::take(&queue, a).is_some());
        assert!(Place::take(&queue, account()).is_some());
    }

    #[tokio::test]
    async fn whoever_does_not_wait_any_more_has_no_place() {
        let hashing = Hashing::new(PasswordHasher::new(1, &SystemRandom).unwrap());
        let turn = hashing.turn.acquire().await.unwrap();
        let hash = || hashing.hash(None, Secret::from("p".to_owned()));
        let mut waiting: Vec<_> = (0..4).map(|_| Box::pin(hash())).collect();
        for one in &mut waiting {
            assert!(one.now_or_never().is_none());
        }
        assert!(hash().now_or_never().unwrap().is_err());
        drop(waiting);
        drop(turn);
        assert!(hash().await.is_ok());
        assert!(hashing.queue.accounts().is_empty());
    }
}
