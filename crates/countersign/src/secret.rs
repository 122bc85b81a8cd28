use std::fmt;

use zeroize::optimization_barrier;

/// Secret text. It has no `Display`, its `Debug` output does not contain it, and its memory is
/// overwritten when it is dropped.
///
/// ```
/// use countersign::Secret;
///
/// let secret = Secret::from(String::from("open sesame"));
/// assert_eq!(secret.expose(), "open sesame");
/// assert_eq!(format!("{secret:?}"), "Secret([redacted])");
/// ```
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Returns the text. The caller is responsible for where it is written.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        let zeros = overwrite(std::mem::take(&mut self.0));
        // The compiler must not leave out the writes because nothing reads them.
        optimization_barrier(zeros.as_slice());
    }
}

/// Overwrites a text, and what else its allocation contains. This is faster than `Zeroize`, which writes each byte by itself:
/// a token has some hundred.
fn overwrite(text: String) -> Vec<u8> {
    let mut bytes = text.into_bytes();
    let capacity = bytes.capacity();
    bytes.clear();
    bytes.resize(capacity, 0);
    bytes
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

/// Bytes on the stack that may be secret. They are overwritten when they are dropped, many at once, for which `Zeroizing`
/// takes a store for each byte.
pub(crate) struct SecretBytes<const N: usize>(pub(crate) [u8; N]);

impl<const N: usize> Drop for SecretBytes<N> {
    fn drop(&mut self) {
        self.0 = [0; N];
        // The compiler would otherwise leave out a store that nothing reads.
        optimization_barrier(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_allocation_of_a_text_is_overwritten() {
        let mut text = String::with_capacity(100);
        text.push_str("open sesame");
        let address = text.as_ptr();
        text.truncate(4);
        let overwritten = overwrite(text);
        assert_eq!(
            (overwritten.as_ptr(), &*overwritten),
            (address, &[0; 100][..])
        );
        assert!(overwrite(String::new()).is_empty());
    }
}
