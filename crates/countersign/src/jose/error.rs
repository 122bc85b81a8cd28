/// The reason why a key cannot be used. It contains no byte of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text or bytes are not a key of the expected form.
    #[error("not a key of the expected form")]
    Malformed,
    /// The algorithm is unknown, or the key is not one for it.
    #[error("the algorithm is unknown, or the key is not for it")]
    Algorithm,
    /// The key is not for signatures (`use`, `key_ops`; RFC 7517 §4.2, §4.3).
    #[error("the key is not for signatures (use, key_ops)")]
    Purpose,
    /// A private or symmetric key was given where a public key is expected.
    #[error("a private or symmetric key was given where a public key is expected")]
    Private,
    /// A file has this in place of a public key.
    #[error("found {0}, but a public key is one section PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE")]
    NotAPublicKey(&'static str),
    /// A file has this in place of a private key.
    #[error(
        "found {0}, but a private key is one section PRIVATE KEY, RSA PRIVATE KEY or EC PRIVATE KEY, not encrypted"
    )]
    NotAPrivateKey(&'static str),
    /// The RSA key has less than 2048 or more than 8192 bits, an unfit exponent, or the structure of ROCA
    /// (CVE-2017-15361).
    #[error("the RSA key is too small, too large or flawed")]
    WeakRsa,
    /// The HMAC secret is shorter than the hash (RFC 7518 §3.2), publicly known, a pattern, or a PEM file.
    #[error("the HMAC secret is too short or publicly known")]
    WeakSecret,
    /// Two different keys could verify the same token: they have the same algorithm and the same `kid`, or both none.
    #[error("two keys have the same algorithm and the same kid, or both none")]
    Ambiguous,
    /// HMAC secrets and key pairs are mixed in one set (RFC 8725 §3.1).
    #[error("HMAC secrets and key pairs are mixed in one set")]
    Mixed,
    /// The key id is empty or longer than 256 bytes.
    #[error("a key id has 1 to 256 bytes")]
    KeyId,
    /// The cryptographic library failed to generate a key or a signature.
    #[error("the cryptographic library failed")]
    Failed,
}
