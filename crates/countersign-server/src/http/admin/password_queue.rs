//! Hashes passwords one after another, in a queue that is bounded in total and per account.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign::directory::PasswordHash;
use countersign::mechanism::password::PasswordHasher;
use countersign::{Id, Secret};
use tokio::sync::Semaphore;

use super::error::AdminError;

/// The most requests in the queue, the running one included.
const MAX_LENGTH: usize = 16;
/// The most requests of one account, so that no account fills the queue for all others.
const MAX_PER_ACCOUNT: usize = 4;

/// Hashes new passwords. One hash takes 19 MiB and about 20 ms on a thread of its own.
pub(super) struct PasswordQueue {
    hasher: PasswordHasher,
    turn: Arc<Semaphore>,
    waiting: Arc<Waiting>,
}

impl PasswordQueue {
    pub(super) fn new(hasher: PasswordHasher) -> Self {
        Self {
            hasher,
            turn: Arc::new(Semaphore::new(1)),
            waiting: Arc::default(),
        }
    }

    /// Hashes a password that an administrator of `account` sets; `None` is the default account.
    pub(super) async fn hash(
        &self,
        account: Option<Id>,
        password: Secret,
    ) -> Result<PasswordHash, AdminError> {
        let invalid = || {
            let detail = "`password` must have 1 to 1024 bytes, and no control characters: Basic cannot carry them.";
            AdminError::invalid("invalid_password", detail)
        };
        if password.expose().chars().any(char::is_control) {
            return Err(invalid());
        }
        let place = Place::take(&self.waiting, account).ok_or_else(|| {
            AdminError::busy("Too many passwords are being set. Nothing was changed: try again.")
        })?;
        let turn = Arc::clone(&self.turn).acquire_owned().await;
        let turn = turn.map_err(|error| AdminError::internal(&error))?;
        let hasher = self.hasher.clone();
        let hashed = tokio::task::spawn_blocking(move || {
            // Both are held until the hash is done, even if its request was cancelled.
            let _until_done = (place, turn);
            hasher.hash(password.expose())
        });
        hashed
            .await
            // The message of a panic may quote its input.
            .map_err(|_| AdminError::internal(&"the task that hashes the password panicked"))?
            .map_err(|_| invalid())
    }
}

/// The accounts of the requests in the queue.
type Waiting = Mutex<Vec<Option<Id>>>;

fn lock(waiting: &Waiting) -> MutexGuard<'_, Vec<Option<Id>>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A place in the queue, which is freed on drop.
struct Place {
    waiting: Arc<Waiting>,
    account: Option<Id>,
}

impl Place {
    fn take(waiting: &Arc<Waiting>, account: Option<Id>) -> Option<Self> {
        let mut accounts = lock(waiting);
        let own = accounts.iter().filter(|one| **one == account).count();
        if accounts.len() >= MAX_LENGTH || own >= MAX_PER_ACCOUNT {
            return None;
        }
        accounts.push(account);
        let waiting = Arc::clone(waiting);
        Some(Self { waiting, account })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut accounts = lock(&self.waiting);
        if let Some(own) = accounts.iter().position(|one| *one == self.account) {
            accounts.swap_remove(own);
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign::time::{Clock as _, SystemClock};
    use futures_util::FutureExt as _;

    use countersign::random::SystemRandom;

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
    async fn cancelled_request_frees_its_place() {
        let queue = PasswordQueue::new(PasswordHasher::new(1, SystemRandom).unwrap());
        let turn = queue.turn.acquire().await.unwrap();
        let hash = || queue.hash(None, Secret::from("p".to_owned()));
        let mut waiting: Vec<_> = (0..4).map(|_| Box::pin(hash())).collect();
        for one in &mut waiting {
            assert!(one.now_or_never().is_none());
        }
        assert!(hash().now_or_never().unwrap().is_err());
        drop(waiting);
        drop(turn);
        assert!(hash().await.is_ok());
        assert!(lock(&queue.waiting).is_empty());
    }
}
