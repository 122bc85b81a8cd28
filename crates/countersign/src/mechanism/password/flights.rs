use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

/// Checks under way, each made once however many ask for it at the same time.
///
/// Without that, whoever has a hundred requests under way when a success is forgotten would cause a
/// hundred hashes, and be taken for somebody who guesses a hundred passwords at once.
pub(super) struct Flights<K>(Mutex<HashMap<K, Boarded>>);

#[derive(Default)]
struct Boarded {
    right: Arc<OnceCell<bool>>,
    waiting: usize,
}

impl<K> Default for Flights<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Copy + Eq + Hash> Flights<K> {
    /// What `check` says, or what the same check says that is under way. Where that one fails or is given
    /// up, the next makes its own.
    pub(super) async fn join<E>(
        &self,
        key: K,
        check: impl Future<Output = Result<bool, E>>,
    ) -> Result<bool, E> {
        let flight = self.board(key);
        flight.right.get_or_try_init(|| check).await.copied()
    }

    fn board(&self, key: K) -> Flight<'_, K> {
        let mut boarded = self.boarded();
        let boarded = boarded.entry(key).or_default();
        boarded.waiting += 1;
        Flight {
            flights: self,
            key,
            right: Arc::clone(&boarded.right),
        }
    }

    fn boarded(&self) -> MutexGuard<'_, HashMap<K, Boarded>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Flight<'a, K: Copy + Eq + Hash> {
    flights: &'a Flights<K>,
    key: K,
    right: Arc<OnceCell<bool>>,
}

impl<K: Copy + Eq + Hash> Drop for Flight<'_, K> {
    /// The last one takes the flight with it, also when all have given up.
    fn drop(&mut self) {
        if let Entry::Occupied(mut entry) = self.flights.boarded().entry(self.key) {
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
    fn check_under_way_answers_all_that_ask_for_it_and_is_not_kept() {
        let flights = Flights::default();
        let (tell, told) = tokio::sync::oneshot::channel();
        let check = async { Ok::<_, Infallible>(told.await.unwrap()) };
        let mut first = task::spawn(flights.join(DIGEST, check));
        assert_pending!(first.poll());
        let mut second = task::spawn(flights.join(DIGEST, ready(Ok::<_, Infallible>(false))));
        assert_pending!(second.poll());
        let mut other = task::spawn(flights.join([8; 32], ready(Ok::<_, Infallible>(false))));
        assert_ready_eq!(other.poll(), Ok(false));
        tell.send(true).unwrap();
        assert_ready_eq!(first.poll(), Ok(true));
        assert!(second.is_woken());
        assert_ready_eq!(second.poll(), Ok(true));
        drop((first, second, other));
        assert!(flights.boarded().is_empty());
        let mut later = task::spawn(flights.join(DIGEST, ready(Ok::<_, Infallible>(false))));
        assert_ready_eq!(later.poll(), Ok(false));
    }

    #[test]
    fn next_checks_itself_when_the_first_gives_up_or_fails() {
        let flights = Flights::default();
        let mut first = task::spawn(flights.join(DIGEST, pending::<Result<bool, &str>>()));
        assert_pending!(first.poll());
        let mut second = task::spawn(flights.join(DIGEST, ready(Err("busy"))));
        let mut third = task::spawn(flights.join(DIGEST, ready(Ok::<_, &str>(true))));
        assert_pending!(second.poll());
        assert_pending!(third.poll());
        drop(first);
        assert_ready_eq!(second.poll(), Err("busy"));
        assert_ready_eq!(third.poll(), Ok(true));
        drop((second, third));
        assert!(flights.boarded().is_empty());
    }
}
