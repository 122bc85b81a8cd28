use std::fmt;

/// Why a key cannot be used. No byte of the key is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyError {
    /// The text or bytes are not a key of the form that was asked for.
    Malformed,
    /// The algorithm is unknown, or the key is not one for it.
    Algorithm,
    /// The key is not for signatures (`use`, `key_ops`; RFC 7517 §4.2, §4.3).
    Purpose,
    /// A private or symmetric key stands where a public one belongs.
    Private,
    /// An RSA key under 2048 or over 8192 bits, with an unfit exponent, or with the structure of a known flaw (ROCA).
    WeakRsa,
    /// An HMAC secret shorter than the hash (RFC 7518 §3.2), a text that everybody knows, or a PEM file.
    WeakSecret,
    /// Two keys could verify the same token: they have one `kid`, or no `kid` and one algorithm.
    Ambiguous,
    /// HMAC secrets stand beside key pairs (RFC 8725 §3.1).
    Mixed,
    /// The key id is empty or longer than 256 bytes.
    KeyId,
    /// The cryptographic library failed to make a key or a signature.
    Failed,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "not a key of the expected form",
            Self::Algorithm => "the algorithm is unknown, or the key is not for it",
            Self::Purpose => "the key is not for signatures (use, key_ops)",
            Self::Private => "a private or symmetric key stands where a public one belongs",
            Self::WeakRsa => "the RSA key is too small, too large or flawed",
            Self::WeakSecret => "the HMAC secret is too short or publicly known",
            Self::Ambiguous => "two keys have one kid, or no kid and one algorithm",
            Self::Mixed => "HMAC secrets stand beside key pairs",
            Self::KeyId => "a key id has 1 to 256 bytes",
            Self::Failed => "the cryptographic library failed",
        })
    }
}

impl std::error::Error for KeyError {}
