use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rsa::{PublicKey as RsaPublicKey, PublicKeyComponents as RsaPublicKeyComponents};
use aws_lc_rs::signature::{self as aws, ParsedPublicKey, VerificationAlgorithm};

use super::algorithm::Family;
use super::hmac_secret::HmacSecret;
use super::{Algorithm, KeyError, ed25519, pem, rsa};
use crate::der;

/// A key that verifies the signatures of one algorithm. Cloning it copies a reference count.
///
/// ```
/// use countersign::jose::{Algorithm, KeyError, VerifyingKey};
///
/// let secret = b"5t8Qk2nV0cXw7Lr9mB4yHf1sJd6gAe3Z";
/// assert!(VerifyingKey::hmac(Algorithm::Hs256, secret).is_ok());
/// assert_eq!(VerifyingKey::hmac(Algorithm::Hs256, b"short").unwrap_err(), KeyError::WeakSecret);
/// ```
#[derive(Clone)]
pub struct VerifyingKey {
    algorithm: Algorithm,
    id: Option<Arc<str>>,
    /// The only issuer whose tokens the key verifies, where the key set names one.
    issuer: Option<Arc<str>>,
    key: Key,
}

#[derive(Clone)]
enum Key {
    Public(Arc<ParsedPublicKey>),
    Hmac(Arc<HmacSecret>),
}

impl VerifyingKey {
    /// Parses a public key in PEM: one section `PUBLIC KEY` (RFC 7468 §13), `RSA PUBLIC KEY` (RFC 8017 A.1.1) or
    /// `CERTIFICATE` (RFC 7468 §5), and no other section. Of a certificate, only the key is read: neither its issuer nor
    /// its validity is checked.
    ///
    /// # Errors
    ///
    /// [`KeyError::Private`] for a private key, [`KeyError::NotAPublicKey`] for anything else that is not a public key, and
    /// the errors of [`from_der`](Self::from_der).
    pub fn from_pem(algorithm: Algorithm, pem: &[u8]) -> Result<Self, KeyError> {
        let section = pem::only_section(pem).map_err(KeyError::NotAPublicKey)?;
        match section.label {
            "PUBLIC KEY" | "RSA PUBLIC KEY" => Self::from_der(algorithm, &section.der),
            "CERTIFICATE" => {
                let key = der::key_of_certificate(&section.der).ok_or(KeyError::Malformed)?;
                Self::from_der(algorithm, key)
            }
            label if label.ends_with("PRIVATE KEY") => Err(KeyError::Private),
            label => Err(KeyError::NotAPublicKey(label)),
        }
    }

    /// Parses a public key in DER: `SubjectPublicKeyInfo` (RFC 5280 §4.1), or for RSA `RSAPublicKey` (RFC
    /// 8017 A.1.1).
    ///
    /// # Errors
    ///
    /// - [`KeyError::Malformed`] if it is not a public key for `algorithm`.
    /// - [`KeyError::WeakRsa`] if an RSA key is weak.
    /// - [`KeyError::Algorithm`] for HMAC, which has no public key.
    pub fn from_der(algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        // The library would accept a raw point here, and trailing bytes.
        if !der::is_one_sequence(der) {
            return Err(KeyError::Malformed);
        }
        match algorithm.family() {
            Family::Rsa => {
                let key = RsaPublicKey::from_der(der).map_err(|_| KeyError::Malformed)?;
                Self::from_rsa(
                    algorithm,
                    key.modulus().big_endian_without_leading_zero(),
                    key.exponent().big_endian_without_leading_zero(),
                )
            }
            Family::Ed25519 => Self::from_ed25519(ed25519::from_spki(der)?),
            Family::Ec => Self::parse(algorithm, der),
            Family::Hmac => Err(KeyError::Algorithm),
        }
    }

    /// Creates the key of a shared secret, which is at least as long as the hash (RFC 7518 §3.2).
    ///
    /// # Errors
    ///
    /// - [`KeyError::WeakSecret`] if the secret is shorter, publicly known, a pattern, or a PEM file.
    /// - [`KeyError::Algorithm`] if `algorithm` is not an HMAC.
    pub fn hmac(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        Ok(Self {
            algorithm,
            id: None,
            issuer: None,
            key: Key::Hmac(Arc::new(HmacSecret::new(algorithm, secret)?)),
        })
    }

    /// Sets the key id. A key without one verifies tokens with any `kid`.
    ///
    /// # Errors
    ///
    /// [`KeyError::KeyId`] if the id is empty or longer than 256 bytes.
    pub fn with_id(mut self, id: &str) -> Result<Self, KeyError> {
        if !(1..=256).contains(&id.len()) {
            return Err(KeyError::KeyId);
        }
        self.id = Some(id.into());
        Ok(self)
    }

    /// Sets the only issuer whose tokens the key verifies.
    pub(super) fn of_issuer(mut self, issuer: &str) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Returns the issuer of the key if it is another one than `iss`.
    ///
    /// Microsoft publishes the keys of several issuers in one set, with a member `issuer` each: the URL of a tenant, or
    /// one in which `{tenantid}` stands for any tenant. It ends with `/v2.0`, also for tokens of version 1, whose `iss`
    /// has another host and the same tenant.
    pub(crate) fn of_other_issuer(&self, iss: Option<&str>) -> Option<&str> {
        let own = self.issuer.as_deref()?;
        let tenant = own
            .strip_suffix("/v2.0")
            .and_then(|url| url.rsplit('/').next());
        let is_own = iss.is_some_and(|iss| {
            own == iss
                || tenant.is_some_and(|tenant| {
                    tenant == "{tenantid}" || iss.split('/').nth(3) == Some(tenant)
                })
        });
        (!is_own).then_some(own)
    }

    /// Returns the algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the key id.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Returns whether this is the same public key for the same algorithm, and none of the ids contradicts the other.
    pub(super) fn is_same_key(&self, other: &Self) -> bool {
        let same_id = self.id == other.id || self.id.is_none() || other.id.is_none();
        match (&self.key, &other.key) {
            (Key::Public(_), Key::Public(_)) => same_id && self.has_same_material(other),
            _ => false,
        }
    }

    /// Returns whether this is the same key for the same algorithm under the same id.
    pub(super) fn is_identical(&self, other: &Self) -> bool {
        self.id == other.id && self.issuer == other.issuer && self.has_same_material(other)
    }

    /// Two HMAC keys are the same only if one is a clone of the other.
    fn has_same_material(&self, other: &Self) -> bool {
        self.algorithm == other.algorithm
            && match (&self.key, &other.key) {
                (Key::Public(a), Key::Public(b)) => (**a).as_ref() == (**b).as_ref(),
                (Key::Hmac(a), Key::Hmac(b)) => Arc::ptr_eq(a, b),
                _ => false,
            }
    }

    pub(super) fn from_rsa(
        algorithm: Algorithm,
        modulus: &[u8],
        exponent: &[u8],
    ) -> Result<Self, KeyError> {
        let (n, e) = (der::without_zeros(modulus), der::without_zeros(exponent));
        rsa::check(n, e)?;
        let der = RsaPublicKeyComponents { n, e }.as_der();
        Self::parse(algorithm, der.map_err(|_| KeyError::Malformed)?.as_ref())
    }

    pub(super) fn from_ed25519(key: &[u8]) -> Result<Self, KeyError> {
        ed25519::check(key)?;
        Self::parse(Algorithm::EdDsa, key)
    }

    /// Parses any form that the library accepts for keys of this algorithm: raw bytes, a point or DER.
    pub(super) fn parse(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, KeyError> {
        let verifies = verification(algorithm).ok_or(KeyError::Algorithm)?;
        let key = ParsedPublicKey::new(verifies, bytes).map_err(|_| KeyError::Malformed)?;
        Ok(Self {
            algorithm,
            id: None,
            issuer: None,
            key: Key::Public(Arc::new(key)),
        })
    }

    /// Returns the public key in PEM, as one section `PUBLIC KEY` (RFC 7468 §13), for programs that read no JWK. Returns
    /// `None` for HMAC, which has no public key.
    ///
    /// ```
    /// use countersign::jose::{Algorithm, SigningKey, VerifyingKey};
    /// use countersign::random::SystemRandom;
    ///
    /// let key = SigningKey::generate(Algorithm::Es256, &SystemRandom)?.verifying_key()?;
    /// let pem = key.to_pem().expect("ES256 has public keys");
    /// assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\n"));
    /// assert!(VerifyingKey::from_pem(Algorithm::Es256, pem.as_bytes()).is_ok());
    ///
    /// let secret = VerifyingKey::hmac(Algorithm::Hs256, b"5t8Qk2nV0cXw7Lr9mB4yHf1sJd6gAe3Z")?;
    /// assert_eq!(secret.to_pem(), None);
    /// # Ok::<(), countersign::jose::KeyError>(())
    /// ```
    #[must_use]
    pub fn to_pem(&self) -> Option<String> {
        let Key::Public(key) = &self.key else {
            return None;
        };
        let der: PublicKeyX509Der<'_> = key.as_der().ok()?;
        Some(pem::section("PUBLIC KEY", der.as_ref()))
    }

    /// Returns whether `signature` is a signature of `message` by this key.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        #[cfg(any(test, feature = "testing"))]
        operations::count();
        match &self.key {
            Key::Public(key) => key.verify_sig(message, signature).is_ok(),
            Key::Hmac(secret) => secret.verify(message, signature),
        }
    }
}

fn verification(algorithm: Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match algorithm {
        Algorithm::EdDsa => &aws::ED25519,
        Algorithm::Es256 => &aws::ECDSA_P256_SHA256_FIXED,
        Algorithm::Es384 => &aws::ECDSA_P384_SHA384_FIXED,
        Algorithm::Es512 => &aws::ECDSA_P521_SHA512_FIXED,
        Algorithm::Rs256 => &aws::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &aws::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &aws::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &aws::RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &aws::RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &aws::RSA_PSS_2048_8192_SHA512,
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => return None,
    })
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({}, {:?})", self.algorithm, self.id)
    }
}

/// Counts the signatures that this thread has verified, for tests.
#[cfg(any(test, feature = "testing"))]
pub(crate) mod operations {
    use std::cell::Cell;

    thread_local!(static VERIFIED: Cell<u64> = const { Cell::new(0) });

    pub(super) fn count() {
        VERIFIED.set(VERIFIED.get() + 1);
    }

    pub(crate) fn verified() -> u64 {
        VERIFIED.get()
    }
}
