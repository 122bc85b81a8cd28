//! Randomness as a parameter: [`Random`] and the operating system's generator.

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

/// The error if the random number generator failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the random number generator failed")]
pub struct RandomError;
