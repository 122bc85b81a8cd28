use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom as AwsRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    self as aws, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaEncoding,
};
use zeroize::Zeroizing;

use super::algorithm::Family;
use super::hmac_secret::HmacSecret;
use super::jws::MAX_SIGNATURE;
use super::{Algorithm, KeyError, VerifyingKey, base64url, pem, rsa};
use crate::random::Random;

/// A key that signs with one algorithm. Cloning it copies a reference count. `Debug` does not show the
/// private part.
///
/// ```
/// use countersign::jose::{Algorithm, SigningKey};
/// use countersign::random::SystemRandom;
///
/// let key = SigningKey::generate(Algorithm::Es256, &SystemRandom)?;
/// let copy = SigningKey::from_secret_bytes(Algorithm::Es256, &key.to_secret_bytes()?)?;
/// assert_eq!(key.id(), copy.id());
/// assert!(SigningKey::from_secret_bytes(Algorithm::EdDsa, &key.to_secret_bytes()?).is_err());
/// # Ok::<(), countersign::jose::KeyError>(())
/// ```
#[derive(Clone)]
pub struct SigningKey(Arc<Inner>);

struct Inner {
    algorithm: Algorithm,
    id: Box<str>,
    /// The header of access tokens, `{"alg":…,"typ":"at+jwt","kid":…}` (RFC 9068 §2.1), in base64url, and
    /// the dot after it.
    header: Box<str>,
    pair: Pair,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    Ec(EcdsaKeyPair),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Hmac(HmacSecret, Zeroizing<Vec<u8>>),
}

impl SigningKey {
    /// Generates a key: 2048 bits for RSA, the size of the hash for HMAC. `random` generates HMAC secrets.
    /// The cryptographic library generates key pairs with its own generator.
    ///
    /// # Errors
    ///
    /// [`KeyError::Failed`] if a generator failed.
    pub fn generate(algorithm: Algorithm, random: &dyn Random) -> Result<Self, KeyError> {
        let failed = |_| KeyError::Failed;
        let pair = match algorithm.family() {
            Family::Ed25519 => Pair::Ed25519(Ed25519KeyPair::generate().map_err(failed)?),
            Family::Ec => Pair::Ec(EcdsaKeyPair::generate(curve(algorithm)?).map_err(failed)?),
            Family::Rsa => Pair::Rsa(
                RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?,
                encoding(algorithm)?,
            ),
            Family::Hmac => {
                let secret = HmacSecret::generate(algorithm, random)?;
                return Self::from_secret_bytes(algorithm, &secret);
            }
        };
        Self::new(algorithm, pair)
    }

    /// Parses a private key in PEM: one section `PRIVATE KEY` (PKCS #8, RFC 5958), `RSA PRIVATE KEY` (PKCS #1, RFC 8017
    /// A.1.2) or `EC PRIVATE KEY` (RFC 5915).
    ///
    /// # Errors
    ///
    /// [`KeyError::NotAPrivateKey`] if there is no such section or several sections, and the errors of
    /// [`from_secret_bytes`](Self::from_secret_bytes).
    pub fn from_pem(algorithm: Algorithm, pem: &[u8]) -> Result<Self, KeyError> {
        let section = pem::only_section(pem).map_err(KeyError::NotAPrivateKey)?;
        let malformed = |_| KeyError::Malformed;
        match section.label {
            "PRIVATE KEY" => Self::from_secret_bytes(algorithm, &section.der),
            "RSA PRIVATE KEY" => {
                let pair = RsaKeyPair::from_der(&section.der).map_err(malformed)?;
                Self::from_rsa(algorithm, pair)
            }
            "EC PRIVATE KEY" => {
                let pair = EcdsaKeyPair::from_private_key_der(curve(algorithm)?, &section.der);
                Self::new(algorithm, Pair::Ec(pair.map_err(malformed)?))
            }
            label => Err(KeyError::NotAPrivateKey(label)),
        }
    }

    /// Parses the output of [`to_secret_bytes`](Self::to_secret_bytes): PKCS #8 in DER, or for HMAC the
    /// secret.
    ///
    /// # Errors
    ///
    /// - [`KeyError::Malformed`] if the bytes are not a private key for `algorithm`.
    /// - [`KeyError::WeakRsa`] or [`KeyError::WeakSecret`] if the key is weak.
    pub fn from_secret_bytes(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, KeyError> {
        let malformed = |_| KeyError::Malformed;
        let pair = match algorithm.family() {
            // Version 1 of PKCS #8, which other software writes, has no public key to compare with.
            Family::Ed25519 => {
                Pair::Ed25519(Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes).map_err(malformed)?)
            }
            Family::Ec => {
                Pair::Ec(EcdsaKeyPair::from_pkcs8(curve(algorithm)?, bytes).map_err(malformed)?)
            }
            Family::Rsa => {
                let pair = RsaKeyPair::from_pkcs8(bytes).map_err(malformed)?;
                return Self::from_rsa(algorithm, pair);
            }
            Family::Hmac => Pair::Hmac(
                HmacSecret::new(algorithm, bytes)?,
                Zeroizing::new(bytes.to_vec()),
            ),
        };
        Self::new(algorithm, pair)
    }

    /// Returns the private part, which must be encrypted before it is stored: PKCS #8 in DER, or for HMAC
    /// the secret.
    ///
    /// # Errors
    ///
    /// [`KeyError::Failed`] if the cryptographic library cannot encode it.
    pub fn to_secret_bytes(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let failed = |_| KeyError::Failed;
        let bytes = match &self.0.pair {
            Pair::Ed25519(pair) => pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec(),
            Pair::Ec(pair) => pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec(),
            Pair::Rsa(pair, _) => AsDer::<Pkcs8V1Der<'_>>::as_der(pair)
                .map_err(failed)?
                .as_ref()
                .to_vec(),
            Pair::Hmac(_, secret) => secret.to_vec(),
        };
        Ok(Zeroizing::new(bytes))
    }

    /// Returns the algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.0.algorithm
    }

    /// Returns the key id: the thumbprint of the public key (RFC 7638), or for HMAC a MAC of a constant.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Returns the key that verifies this key's signatures, with the same key id.
    ///
    /// # Errors
    ///
    /// [`KeyError`] if the cryptographic library rejects its own public key.
    pub fn verifying_key(&self) -> Result<VerifyingKey, KeyError> {
        let algorithm = self.0.algorithm;
        let key = match &self.0.pair {
            Pair::Ed25519(pair) => VerifyingKey::parse(algorithm, pair.public_key().as_ref()),
            Pair::Ec(pair) => VerifyingKey::parse(algorithm, pair.public_key().as_ref()),
            Pair::Rsa(pair, _) => VerifyingKey::parse(algorithm, pair.public_key().as_ref()),
            Pair::Hmac(_, secret) => VerifyingKey::hmac(algorithm, secret),
        };
        key?.with_id(&self.0.id)
    }

    /// Returns the public key as a JWK (RFC 7517) in JSON, or `None` for HMAC, which has no public key.
    #[must_use]
    pub fn public_jwk(&self) -> Option<String> {
        let required = required_members(&self.0.pair)?;
        let members = required.trim_start_matches('{').trim_end_matches('}');
        let id = serde_json::Value::from(self.id());
        let algorithm = self.0.algorithm;
        Some(format!(
            r#"{{{members},"kid":{id},"use":"sig","alg":"{algorithm}"}}"#
        ))
    }

    /// Returns the encoded header of access tokens.
    pub(crate) fn access_token_header(&self) -> &str {
        &self.0.header
    }

    /// Returns the encoded header of managed tokens.
    pub(crate) fn managed_token_header(&self) -> String {
        header(self.0.algorithm, "api-token+jwt", &self.0.id)
    }

    /// Returns the encoded header of a signed text of this type.
    #[cfg(feature = "feed")]
    pub(crate) fn header_of_type(&self, typ: &str) -> String {
        header(self.0.algorithm, typ, &self.0.id)
    }

    /// Appends a dot to `token`, and the signature of what was there before, in base64url.
    pub(crate) fn sign(&self, token: &mut String) -> Result<(), KeyError> {
        let failed = |_| KeyError::Failed;
        let message = token.as_bytes();
        match &self.0.pair {
            Pair::Ed25519(pair) => {
                let signature = pair.try_sign(message).map_err(failed)?;
                append(signature.as_ref(), token);
            }
            Pair::Ec(pair) => {
                let signature = pair.sign(&AwsRandom::new(), message).map_err(failed)?;
                append(signature.as_ref(), token);
            }
            Pair::Rsa(pair, encoding) => {
                let mut buffer = [0; MAX_SIGNATURE];
                let signature = buffer
                    .get_mut(..pair.public_modulus_len())
                    .ok_or(KeyError::Failed)?;
                pair.sign(*encoding, &AwsRandom::new(), message, signature)
                    .map_err(failed)?;
                append(signature, token);
            }
            Pair::Hmac(secret, _) => append(secret.sign(message).as_ref(), token),
        }
        Ok(())
    }

    /// Returns the number of bytes that [`sign`](Self::sign) appends.
    pub(crate) fn signature_len(&self) -> usize {
        let bytes: usize = match (&self.0.pair, self.0.algorithm) {
            (Pair::Rsa(pair, _), _) => pair.public_modulus_len(),
            (_, Algorithm::Hs256) => 32,
            (_, Algorithm::Hs384) => 48,
            (_, Algorithm::Es384) => 96,
            (_, Algorithm::Es512) => 132,
            _ => 64,
        };
        1 + base64url::encoded_len(bytes)
    }

    fn from_rsa(algorithm: Algorithm, pair: RsaKeyPair) -> Result<Self, KeyError> {
        let public = pair.public_key();
        rsa::check(
            public.modulus().big_endian_without_leading_zero(),
            public.exponent().big_endian_without_leading_zero(),
        )?;
        Self::new(algorithm, Pair::Rsa(pair, encoding(algorithm)?))
    }

    fn new(algorithm: Algorithm, pair: Pair) -> Result<Self, KeyError> {
        let id = match (&pair, required_members(&pair)) {
            (_, Some(members)) => base64url::encode(digest(&SHA256, members.as_bytes()).as_ref()),
            (Pair::Hmac(secret, _), None) => {
                let tag = secret.sign(b"countersign key id");
                base64url::encode(tag.as_ref().get(..32).unwrap_or_default())
            }
            (_, None) => return Err(KeyError::Malformed),
        };
        Ok(Self(Arc::new(Inner {
            algorithm,
            header: header(algorithm, "at+jwt", &id).into(),
            id: id.into(),
            pair,
        })))
    }
}

fn append(signature: &[u8], token: &mut String) {
    token.push('.');
    base64url::encode_into(signature, token);
}

/// Encodes the header `{"alg":…,"typ":…,"kid":…}` in base64url, and a dot.
fn header(algorithm: Algorithm, typ: &str, id: &str) -> String {
    let json = serde_json::json!({ "alg": algorithm.as_str(), "typ": typ, "kid": id });
    let mut header = String::new();
    base64url::encode_into(json.to_string().as_bytes(), &mut header);
    header.push('.');
    header
}

/// Returns the required members of the public JWK in lexicographic order, without white space: the input of a
/// thumbprint (RFC 7638 §3). Returns `None` for HMAC.
fn required_members(pair: &Pair) -> Option<String> {
    let b64 = base64url::encode;
    Some(match pair {
        Pair::Ed25519(pair) => {
            let x = b64(pair.public_key().as_ref());
            format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)
        }
        Pair::Ec(pair) => {
            // An uncompressed point: 4, x, y.
            let point = pair.public_key().as_ref().get(1..)?;
            let (x, y) = point.split_at_checked(point.len() / 2)?;
            let crv = match x.len() {
                32 => "P-256",
                48 => "P-384",
                _ => "P-521",
            };
            let (x, y) = (b64(x), b64(y));
            format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#)
        }
        Pair::Rsa(pair, _) => {
            let public = pair.public_key();
            let e = b64(public.exponent().big_endian_without_leading_zero());
            let n = b64(public.modulus().big_endian_without_leading_zero());
            format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#)
        }
        Pair::Hmac(..) => return None,
    })
}

fn curve(algorithm: Algorithm) -> Result<&'static EcdsaSigningAlgorithm, KeyError> {
    match algorithm {
        Algorithm::Es256 => Ok(&aws::ECDSA_P256_SHA256_FIXED_SIGNING),
        Algorithm::Es384 => Ok(&aws::ECDSA_P384_SHA384_FIXED_SIGNING),
        Algorithm::Es512 => Ok(&aws::ECDSA_P521_SHA512_FIXED_SIGNING),
        _ => Err(KeyError::Algorithm),
    }
}

fn encoding(algorithm: Algorithm) -> Result<&'static dyn RsaEncoding, KeyError> {
    Ok(match algorithm {
        Algorithm::Rs256 => &aws::RSA_PKCS1_SHA256,
        Algorithm::Rs384 => &aws::RSA_PKCS1_SHA384,
        Algorithm::Rs512 => &aws::RSA_PKCS1_SHA512,
        Algorithm::Ps256 => &aws::RSA_PSS_SHA256,
        Algorithm::Ps384 => &aws::RSA_PSS_SHA384,
        Algorithm::Ps512 => &aws::RSA_PSS_SHA512,
        _ => return Err(KeyError::Algorithm),
    })
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, {})", self.0.algorithm, self.0.id)
    }
}
