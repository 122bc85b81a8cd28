//! Randomness as a parameter: [`Random`] and the operating system's generator.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::rand::SecureRandom as _;

/// A source of random bytes that are fit for secrets: ids, API keys, HMAC secrets.
///
/// Types that need randomness take a `Random`, so that tests can choose the bytes.
///
/// ```
/// use countersign::random::{Random, RandomError, SystemRandom};
///
/// struct Broken;
/// impl Random for Broken {
///     fn fill(&self, _: &mut [u8]) -> Result<(), RandomError> {
///         Err(RandomError)
///     }
/// }
/// assert_eq!(SystemRandom.fill(&mut [0; 32]), Ok(()));
/// assert_eq!(Broken.fill(&mut [0; 32]), Err(RandomError));
/// ```
pub trait Random: Send + Sync + 'static {
    /// Fills `out` with random bytes.
    ///
    /// # Errors
    ///
    /// [`RandomError`] if the generator failed. Nothing may be derived from `out` then.
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError>;
}

impl<R: Random + ?Sized> Random for std::sync::Arc<R> {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        (**self).fill(out)
    }
}

/// The operating system's generator, through aws-lc.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        aws_lc_rs::rand::SystemRandom::new()
            .fill(out)
            .map_err(|_| RandomError)
    }
}

/// Takes random bytes from its source many at a time, for ids: a call of the generator costs more than what else an id does.
///
/// No byte is returned twice. A forked process has the same bytes, so do not use it for secrets.
///
/// ```
/// use countersign::random::{BatchedRandom, Random, SystemRandom};
///
/// let random = BatchedRandom::new(SystemRandom);
/// let (mut one, mut other) = ([0; 10], [0; 10]);
/// random.fill(&mut one)?;
/// random.fill(&mut other)?;
/// assert_ne!(one, other);
/// # Ok::<(), countersign::random::RandomError>(())
/// ```
pub struct BatchedRandom {
    source: Box<dyn Random>,
    batch: Mutex<Batch>,
}

struct Batch {
    bytes: [u8; BATCH],
    /// The number of bytes at the beginning that were returned.
    used: usize,
}

const BATCH: usize = 640;

impl BatchedRandom {
    /// Creates a source that takes its bytes from `source`.
    #[must_use]
    pub fn new(source: impl Random) -> Self {
        let batch = Batch {
            bytes: [0; BATCH],
            used: BATCH,
        };
        Self {
            source: Box::new(source),
            batch: Mutex::new(batch),
        }
    }

    pub(crate) fn source(&self) -> &dyn Random {
        &*self.source
    }
}

impl fmt::Debug for BatchedRandom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchedRandom").finish_non_exhaustive()
    }
}

impl Random for BatchedRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        let mut batch = self.batch.lock().unwrap_or_else(PoisonError::into_inner);
        let Batch { bytes, used } = &mut *batch;
        if out.len() > BATCH - *used {
            // Nothing is left if the source fails.
            *used = BATCH;
            self.source.fill(bytes)?;
            *used = 0;
        }
        let end = *used + out.len();
        let Some(next) = bytes.get_mut(*used..end) else {
            return self.source.fill(out);
        };
        out.copy_from_slice(next);
        next.fill(0);
        *used = end;
        Ok(())
    }
}

/// The error if the random number generator failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the random number generator failed")]
pub struct RandomError;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Returns 1, 2, 3, …, and fails after `left` calls.
    struct Counter {
        next: AtomicUsize,
        left: AtomicUsize,
    }

    impl Random for Counter {
        fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
            if self.left.load(Ordering::SeqCst) == 0 {
                return Err(RandomError);
            }
            self.left.fetch_sub(1, Ordering::SeqCst);
            for byte in out {
                *byte = (self.next.fetch_add(1, Ordering::SeqCst) % 251) as u8;
            }
            Ok(())
        }
    }

    fn counter(left: usize) -> BatchedRandom {
        BatchedRandom::new(Counter {
            next: AtomicUsize::new(1),
            left: AtomicUsize::new(left),
        })
    }

    #[test]
    fn no_byte_of_a_batch_is_returned_twice() {
        let random = counter(3);
        let mut expected = (1..).map(|n: usize| (n % 251) as u8);
        for _ in 0..3 * BATCH / 10 {
            let mut id = [0; 10];
            random.fill(&mut id).unwrap();
            assert!(id.iter().all(|byte| expected.next() == Some(*byte)));
        }
        assert_eq!(random.fill(&mut [0; 10]), Err(RandomError));
    }

    #[test]
    fn failure_of_the_source_is_reported_every_time() {
        let random = counter(1);
        random.fill(&mut [0; 600]).unwrap();
        for length in [41, 10, 640, 1000] {
            assert_eq!(
                random.fill(&mut vec![0; length]),
                Err(RandomError),
                "{length}"
            );
        }
    }

    #[test]
    fn more_bytes_than_a_batch_are_filled() {
        let mut long = [0; 2 * BATCH];
        counter(9).fill(&mut long).unwrap();
        assert!(long.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
