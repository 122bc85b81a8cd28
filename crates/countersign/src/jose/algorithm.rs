use std::fmt;
use std::str::FromStr;

use super::KeyError;

/// Declares all algorithms in one table, so that every list of them is complete.
macro_rules! algorithms {
    ($($(#[doc = $doc:literal])+ $name:ident, $text:literal, $family:ident;)+) => {
        /// A signature algorithm (RFC 7518 §3.1, RFC 8037 §3.1).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Algorithm {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Algorithm {
            /// All supported algorithms.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Returns the value of `alg` that names this algorithm.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }

            pub(crate) const fn family(self) -> Family {
                match self {
                    $(Self::$name => Family::$family,)+
                }
            }
        }

        impl FromStr for Algorithm {
            type Err = KeyError;

            /// Parses the value of `alg`. Names are case-sensitive (RFC 7515 §4.1.1): `es256` is rejected. `Ed25519` is
            /// another name of `EdDSA` with that curve (RFC 9864 §2.2).
            ///
            /// # Errors
            ///
            /// [`KeyError::Algorithm`] for any other name.
            fn from_str(name: &str) -> Result<Self, KeyError> {
                match name {
                    $($text => Ok(Self::$name),)+
                    "Ed25519" => Ok(Self::EdDsa),
                    _ => Err(KeyError::Algorithm),
                }
            }
        }
    };
}

algorithms! {
    /// Ed25519. Deterministic, and the fastest to sign with: the default for new keys.
    EdDsa, "EdDSA", Ed25519;
    /// ECDSA on P-256 with SHA-256.
    Es256, "ES256", Ec;
    /// ECDSA on P-384 with SHA-384.
    Es384, "ES384", Ec;
    /// ECDSA on P-521 with SHA-512.
    Es512, "ES512", Ec;
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256, "RS256", Rsa;
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384, "RS384", Rsa;
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512, "RS512", Rsa;
    /// RSASSA-PSS with SHA-256.
    Ps256, "PS256", Rsa;
    /// RSASSA-PSS with SHA-384.
    Ps384, "PS384", Rsa;
    /// RSASSA-PSS with SHA-512.
    Ps512, "PS512", Rsa;
    /// HMAC with SHA-256. Its secret is never accepted from a key set.
    Hs256, "HS256", Hmac;
    /// HMAC with SHA-384.
    Hs384, "HS384", Hmac;
    /// HMAC with SHA-512.
    Hs512, "HS512", Hmac;
}

impl Algorithm {
    /// Returns whether this is an HMAC, whose secret both sides must keep.
    #[must_use]
    pub const fn is_hmac(self) -> bool {
        matches!(self.family(), Family::Hmac)
    }
}

/// A kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Ed25519,
    Ec,
    Rsa,
    Hmac,
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
