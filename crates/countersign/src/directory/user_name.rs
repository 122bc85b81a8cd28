use std::fmt;
use std::str::FromStr;

use crate::id::Id;

/// A user's login name in canonical form: 1 to 64 characters of `a-z 0-9 . _ @ + -`.
///
/// Upper-case ASCII letters are converted to lower case, so `Aladdin` and `aladdin` are the same user.
/// Any other character is rejected, for example a space or a look-alike letter. A name cannot have the
/// form of an id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserName(Box<str>);

impl UserName {
    const MAX: usize = 64;

    /// Returns the canonical name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserName {
    type Err = InvalidUserName;

    fn from_str(text: &str) -> Result<Self, InvalidUserName> {
        let name = text.to_ascii_lowercase();
        let fits = (1..=Self::MAX).contains(&name.len())
            && name.bytes().all(|b| {
                b.is_ascii_lowercase()
                    || b.is_ascii_digit()
                    || matches!(b, b'.' | b'_' | b'@' | b'+' | b'-')
            });
        if !fits || name.parse::<Id>().is_ok() {
            return Err(InvalidUserName);
        }
        Ok(Self(name.into()))
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not a valid user name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a user name must have 1 to 64 characters of a-z 0-9 . _ @ + - and must not look like an id"
)]
pub struct InvalidUserName;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_the_same_in_upper_and_lower_case() {
        assert_eq!("ALADDIN".parse::<UserName>(), "aladdin".parse());
    }

    #[test]
    fn name_is_rejected_when_it_could_be_mistaken_for_another_or_for_an_id() {
        for name in [
            "",
            "Aladdin ",
            " aladdin",
            "аladdin", // the first letter is Cyrillic
            "a:b",
            "a\nb",
            "013xrzp12g3nqk8ngskn1wtxgka5b0nf",
            "013XRZP12G3NQK8NGSKN1WTXGKA5B0NF",
        ] {
            assert_eq!(name.parse::<UserName>(), Err(InvalidUserName), "{name:?}");
        }
        assert!("a".repeat(65).parse::<UserName>().is_err());
    }
}
