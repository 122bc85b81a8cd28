//! Randomness as a parameter: [`Random`] and the system's generator.

use std::fmt;

use aws_lc_rs::rand::SecureRandom as _;

/// Gives random bytes fit for secrets. Ids, keys and token ids come from one.
pub trait Random: Send + Sync + 'static {
    /// Fills `out`.
    ///
    /// # Errors
    ///
    /// [`RandomError`] when the generator has failed; nothing may be made from `out` then.
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError>;
}

impl<R: Random + ?Sized> Random for std::sync::Arc<R> {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        (**self).fill(out)
    }
}

/// The operating system's generator, by way of aws-lc.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        aws_lc_rs::rand::SystemRandom::new()
            .fill(out)
            .map_err(|_| RandomError)
    }
}

/// The random number generator failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RandomError;

impl fmt::Display for RandomError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the random number generator failed")
    }
}

impl std::error::Error for RandomError {}
