//! One key for each algorithm, generated once per test run. The RSA algorithms share one key pair, so that tests can use
//! the right key under the wrong algorithm.

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{self as aws, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaEncoding};
use aws_lc_rs::{hmac, rsa};
use countersign::jose::{Algorithm, KeySet, VerifyingKey};

use crate::token_builder::base64url;

/// A key that signs any bytes.
#[derive(Debug)]
pub struct Key {
    pub algorithm: Algorithm,
    pub kid: &'static str,
    pair: Pair,
}

#[derive(Debug)]
enum Pair {
    Ed25519(Ed25519KeyPair),
    Ec(EcdsaKeyPair),
    Rsa(&'static RsaKeyPair),
    Hmac(Vec<u8>),
}

static RSA: LazyLock<RsaKeyPair> =
    LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
    let kids = [
        "kid-eddsa",
        "kid-es256",
        "kid-es384",
        "kid-es512",
        "kid-rs256",
        "kid-rs384",
        "kid-rs512",
        "kid-ps256",
        "kid-ps384",
        "kid-ps512",
        "kid-hs256",
        "kid-hs384",
        "kid-hs512",
    ];
    let all = Algorithm::ALL.iter().copied().zip(kids);
    all.map(|(algorithm, kid)| Key::generate(algorithm, kid))
        .collect()
});

/// Returns the key for an algorithm.
#[must_use]
pub fn key(algorithm: Algorithm) -> &'static Key {
    KEYS.iter().find(|key| key.algorithm == algorithm).unwrap()
}

/// Returns the asymmetric keys.
pub fn public_keys() -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(|key| key.is_public())
}

/// Returns the HMAC keys.
pub fn secret_keys() -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(|key| !key.is_public())
}

/// Returns a set of these keys under their ids.
#[must_use]
pub fn key_set<'a>(keys: impl IntoIterator<Item = &'a Key>) -> KeySet {
    KeySet::new(keys.into_iter().map(Key::verifying_key)).unwrap()
}

impl Key {
    /// Generates a key. All RSA keys share one key pair, because its generation is slow.
    #[must_use]
    pub fn generate(algorithm: Algorithm, kid: &'static str) -> Self {
        let secret = |length: u8| (0..length).map(|i| i.wrapping_mul(37) ^ 0x5a).collect();
        let pair = match algorithm {
            Algorithm::EdDsa => Pair::Ed25519(Ed25519KeyPair::generate().unwrap()),
            Algorithm::Es256 => {
                Pair::Ec(EcdsaKeyPair::generate(&aws::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
            }
            Algorithm::Es384 => {
                Pair::Ec(EcdsaKeyPair::generate(&aws::ECDSA_P384_SHA384_FIXED_SIGNING).unwrap())
            }
            Algorithm::Es512 => {
                Pair::Ec(EcdsaKeyPair::generate(&aws::ECDSA_P521_SHA512_FIXED_SIGNING).unwrap())
            }
            Algorithm::Hs256 => Pair::Hmac(secret(32)),
            Algorithm::Hs384 => Pair::Hmac(secret(48)),
            Algorithm::Hs512 => Pair::Hmac(secret(64)),
            _ => Pair::Rsa(&RSA),
        };
        Self {
            algorithm,
            kid,
            pair,
        }
    }

    #[must_use]
    pub fn ed25519(kid: &'static str, pair: Ed25519KeyPair) -> Self {
        Self {
            algorithm: Algorithm::EdDsa,
            kid,
            pair: Pair::Ed25519(pair),
        }
    }

    /// Creates an HMAC key from any secret, including those that the library rejects.
    #[must_use]
    pub fn hmac(algorithm: Algorithm, kid: &'static str, secret: &[u8]) -> Self {
        Self {
            algorithm,
            kid,
            pair: Pair::Hmac(secret.to_vec()),
        }
    }

    fn is_public(&self) -> bool {
        !matches!(self.pair, Pair::Hmac(_))
    }

    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Ec(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let encoding: &dyn RsaEncoding = match self.algorithm {
                    Algorithm::Rs256 => &aws::RSA_PKCS1_SHA256,
                    Algorithm::Rs384 => &aws::RSA_PKCS1_SHA384,
                    Algorithm::Rs512 => &aws::RSA_PKCS1_SHA512,
                    Algorithm::Ps256 => &aws::RSA_PSS_SHA256,
                    Algorithm::Ps384 => &aws::RSA_PSS_SHA384,
                    _ => &aws::RSA_PSS_SHA512,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, message, &mut signature)
                    .unwrap();
                signature
            }
            Pair::Hmac(secret) => {
                let algorithm = match self.algorithm {
                    Algorithm::Hs256 => hmac::HMAC_SHA256,
                    Algorithm::Hs384 => hmac::HMAC_SHA384,
                    _ => hmac::HMAC_SHA512,
                };
                let key = hmac::Key::new(algorithm, secret);
                hmac::sign(&key, message).as_ref().to_vec()
            }
        }
    }

    /// Returns the verifying key under the same key id.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        let key = match &self.pair {
            Pair::Hmac(secret) => VerifyingKey::hmac(self.algorithm, secret).unwrap(),
            _ => VerifyingKey::from_der(self.algorithm, &self.spki()).unwrap(),
        };
        key.with_id(self.kid).unwrap()
    }

    /// Returns the `SubjectPublicKeyInfo` in DER.
    #[must_use]
    pub fn spki(&self) -> Vec<u8> {
        let der: PublicKeyX509Der<'_> = match &self.pair {
            Pair::Ed25519(pair) => pair.public_key().as_der(),
            Pair::Ec(pair) => pair.public_key().as_der(),
            Pair::Rsa(pair) => pair.public_key().as_der(),
            Pair::Hmac(_) => panic!("an HMAC key has no public key"),
        }
        .unwrap();
        der.as_ref().to_vec()
    }

    /// Returns the raw public key: 32 bytes for Ed25519, `04‖x‖y` for EC, PKCS #1 in DER for RSA.
    #[must_use]
    pub fn public(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ec(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Hmac(secret) => secret.clone(),
        }
    }

    fn rsa(&self) -> &rsa::PublicKey {
        match &self.pair {
            Pair::Rsa(pair) => pair.public_key(),
            _ => panic!("not an RSA key"),
        }
    }

    #[must_use]
    pub fn modulus(&self) -> Vec<u8> {
        self.rsa()
            .modulus()
            .big_endian_without_leading_zero()
            .to_vec()
    }

    /// Returns a number of the RSA private key, in the order of RFC 8017 A.1.2: version, n, e, d, p, q, dP, dQ, qInv.
    #[must_use]
    pub fn private_number(&self, index: usize) -> Vec<u8> {
        let Pair::Rsa(pair) = &self.pair else {
            panic!("not an RSA key")
        };
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        // PrivateKeyInfo { version, algorithm, OCTET STRING { RSAPrivateKey } }
        let info = der_content(der.as_ref(), 0);
        let key = der_content(der_content(info, 2), 0);
        der_content(key, index).to_vec()
    }

    /// Returns the public key as a JWK with these additional members.
    #[must_use]
    pub fn jwk(&self, members: &[(&str, &str)]) -> String {
        let public = self.public();
        let mut jwk = match self.algorithm {
            Algorithm::EdDsa => crate::Object::new()
                .set_text("kty", "OKP")
                .set_text("crv", "Ed25519")
                .set_text("x", &base64url(public)),
            Algorithm::Es256 | Algorithm::Es384 | Algorithm::Es512 => {
                let (x, y) = public[1..].split_at(public.len() / 2);
                let crv = match x.len() {
                    32 => "P-256",
                    48 => "P-384",
                    _ => "P-521",
                };
                crate::Object::new()
                    .set_text("kty", "EC")
                    .set_text("crv", crv)
                    .set_text("x", &base64url(x))
                    .set_text("y", &base64url(y))
            }
            _ => crate::Object::new()
                .set_text("kty", "RSA")
                .set_text("n", &base64url(self.modulus()))
                .set_text("e", "AQAB"),
        };
        for (name, value) in members {
            jwk = jwk.set(name, *value);
        }
        jwk.json()
    }
}

/// Returns the content of the DER element with this index in a sequence of elements.
fn der_content(der: &[u8], index: usize) -> &[u8] {
    let mut rest = der;
    for i in 0.. {
        let first = usize::from(rest[1]);
        let (start, length) = if first < 0x80 {
            (2, first)
        } else {
            let digits = &rest[2..2 + (first & 0x7f)];
            let length = digits
                .iter()
                .fold(0, |sum, &digit| sum * 256 + usize::from(digit));
            (2 + digits.len(), length)
        };
        if i == index {
            return &rest[start..start + length];
        }
        rest = &rest[start + length..];
    }
    &[]
}

/// Encodes PEM with lines of 64 characters.
#[must_use]
pub fn pem(label: &str, der: &[u8], end_of_line: &str) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----{end_of_line}");
    for line in text.as_bytes().chunks(64) {
        pem.push_str(std::str::from_utf8(line).unwrap());
        pem.push_str(end_of_line);
    }
    pem + &format!("-----END {label}-----{end_of_line}")
}
