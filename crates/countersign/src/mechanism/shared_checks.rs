use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

/// Checks under way. Equal checks at the same time are made once.
///
/// Otherwise a client with a hundred requests under way when its password leaves the cache would cause
/// a hundred hashes, and would look like an attacker with a hundred attempts.
pub(super) struct SharedChecks<K, T = bool>(Mutex<HashMap<K, SharedCheck<T>>>);

struct SharedCheck<T> {
    result: Arc<OnceCell<T>>,
    waiting: usize,
}

impl<K, T> Default for SharedChecks<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Default for SharedCheck<T> {
    fn default() -> Self {
        Self {
            result: Arc::default(),
            waiting: 0,
        }
    }
}

impl<K: Copy + Eq + Hash, T: Clone> SharedChecks<K, T> {
    /// Returns the result of `check`, or that of an equal check under way. If that one fails or is
    /// cancelled, the next caller makes its own.
    pub(super) async fn join<E>(
        &self,
        key: K,
        check: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let participant = self.participate(key);
        let result = participant.result.get_or_try_init(|| check).await;
        result.cloned()
    }

    fn participate(&self, key: K) -> Participant<'_, K, T> {
        let mut checks = self.lock();
        let check = checks.entry(key).or_default();
        check.waiting += 1;
        Participant {
            checks: self,
            key,
            result: Arc::clone(&check.result),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, SharedCheck<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A caller that waits for a check.
struct Participant<'a, K: Copy + Eq + Hash, T: Clone> {
    checks: &'a SharedChecks<K, T>,
    key: K,
    result: Arc<OnceCell<T>>,
}

impl<K: Copy + Eq + Hash, T: Clone> Drop for Participant<'_, K, T> {
    /// The last participant removes the check, even if all are cancelled.
    fn drop(&mut self) {
        if let Entry::Occupied(mut entry) = self.checks.lock().entry(self.key) {
            entry.get_mut().waiting -= 1;
            if entry.get().waiting == 0 {
                entry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::{pending, ready};

    use tokio_test::{assert_pending, assert_ready_eq, task};

    use super::*;

    const DIGEST: [u8; 32] = [7; 32];

    #[test]
    fn check_under_way_is_shared_and_removed_afterwards() {
        let checks = SharedChecks::default();
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let check = async { Ok::<_, Infallible>(receiver.await.unwrap()) };
        let mut first = task::spawn(checks.join(DIGEST, check));
        assert_pending!(first.poll());
        let mut second = task::spawn(checks.join(DIGEST, ready(Ok::<_, Infallible>(false))));
        assert_pending!(second.poll());
        let mut other = task::spawn(checks.join([8; 32], ready(Ok::<_, Infallible>(false))));
        assert_ready_eq!(other.poll(), Ok(false));
        sender.send(true).unwrap();
        assert_ready_eq!(first.poll(), Ok(true));
        assert!(second.is_woken());
        assert_ready_eq!(second.poll(), Ok(true));
        drop((first, second, other));
        assert!(checks.lock().is_empty());
        let mut later = task::spawn(checks.join(DIGEST, ready(Ok::<_, Infallible>(false))));
        assert_ready_eq!(later.poll(), Ok(false));
    }

    #[test]
    fn next_caller_checks_itself_if_the_first_is_cancelled_or_fails() {
        let checks = SharedChecks::default();
        let mut first = task::spawn(checks.join(DIGEST, pending::<Result<bool, &str>>()));
        assert_pending!(first.poll());
        let mut second = task::spawn(checks.join(DIGEST, ready(Err("busy"))));
        let mut third = task::spawn(checks.join(DIGEST, ready(Ok::<_, &str>(true))));
        assert_pending!(second.poll());
        assert_pending!(third.poll());
        drop(first);
        assert_ready_eq!(second.poll(), Err("busy"));
        assert_ready_eq!(third.poll(), Ok(true));
        drop((second, third));
        assert!(checks.lock().is_empty());
    }
}
