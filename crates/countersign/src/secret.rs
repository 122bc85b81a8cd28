use std::fmt;

use zeroize::Zeroizing;

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
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Returns the text. The caller is responsible for where it is written.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}
