//! The cryptographic primitives alone, with prepared keys, and jsonwebtoken without a service.

use std::hint::black_box;

use aws_lc_rs::signature::{self as aws, KeyPair as _, ParsedPublicKey};
use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::jose::Algorithm;

use super::Make;
use super::material::{ISSUER, jwks, secret, token};
use crate::timing::Run;

pub(super) const VERIFY: [(&str, Make); 2] = [
    ("aws-lc-rs, the signature alone", |_, algorithm| {
        verify(algorithm.unwrap())
    }),
    ("jsonwebtoken, decode alone", |_, algorithm| {
        decode(algorithm.unwrap())
    }),
];

fn verify(algorithm: Algorithm) -> Run {
    let token = token(algorithm);
    let (message, signature) = token.rsplit_once('.').unwrap();
    let message = message.as_bytes().to_vec();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let secret = secret(algorithm);
    let key = match algorithm {
        Algorithm::Hs256 => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
            return Box::new(move |times| {
                for _ in 0..times {
                    hmac::verify(&key, black_box(&message), &signature).unwrap();
                }
            });
        }
        Algorithm::EdDsa => {
            let pair = aws::Ed25519KeyPair::from_pkcs8_maybe_unchecked(&secret).unwrap();
            ParsedPublicKey::new(&aws::ED25519, pair.public_key())
        }
        Algorithm::Es256 => {
            let signing = &aws::ECDSA_P256_SHA256_FIXED_SIGNING;
            let pair = aws::EcdsaKeyPair::from_pkcs8(signing, &secret).unwrap();
            ParsedPublicKey::new(&aws::ECDSA_P256_SHA256_FIXED, pair.public_key())
        }
        _ => {
            let pair = aws::RsaKeyPair::from_pkcs8(&secret).unwrap();
            ParsedPublicKey::new(&aws::RSA_PKCS1_2048_8192_SHA256, pair.public_key())
        }
    };
    let key = key.unwrap();
    Box::new(move |times| {
        for _ in 0..times {
            key.verify_sig(black_box(&message), &signature).unwrap();
        }
    })
}

type Sign = Box<dyn FnMut(&[u8])>;

/// Signs what a token of the algorithm signs.
pub(crate) fn sign(algorithm: Algorithm) -> Run {
    let token = token(algorithm);
    let message = token.rsplit_once('.').unwrap().0.as_bytes().to_vec();
    let secret = secret(algorithm);
    let random = rand::SystemRandom::new();
    let mut sign: Sign = match algorithm {
        Algorithm::Hs256 => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
            Box::new(move |message| _ = black_box(hmac::sign(&key, message)))
        }
        Algorithm::EdDsa => {
            let pair = aws::Ed25519KeyPair::from_pkcs8_maybe_unchecked(&secret).unwrap();
            Box::new(move |message| _ = black_box(pair.sign(message)))
        }
        Algorithm::Es256 => {
            let signing = &aws::ECDSA_P256_SHA256_FIXED_SIGNING;
            let pair = aws::EcdsaKeyPair::from_pkcs8(signing, &secret).unwrap();
            Box::new(move |message| _ = black_box(pair.sign(&random, message).unwrap()))
        }
        _ => {
            let pair = aws::RsaKeyPair::from_pkcs8(&secret).unwrap();
            let mut signature = vec![0; pair.public_modulus_len()];
            Box::new(move |message| {
                let encoding = &aws::RSA_PKCS1_SHA256;
                pair.sign(encoding, &random, message, &mut signature)
                    .unwrap();
            })
        }
    };
    Box::new(move |times| {
        for _ in 0..times {
            sign(black_box(&message));
        }
    })
}

pub(crate) fn name(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    algorithm.as_str().parse().unwrap()
}

/// Returns the key that verifies, and what is checked of a token.
pub(crate) fn jsonwebtoken(
    algorithm: Algorithm,
) -> (jsonwebtoken::DecodingKey, jsonwebtoken::Validation) {
    let key = match algorithm {
        Algorithm::Hs256 => jsonwebtoken::DecodingKey::from_secret(&secret(algorithm)),
        _ => {
            let jwks: jsonwebtoken::jwk::JwkSet = serde_json::from_str(&jwks(algorithm)).unwrap();
            jsonwebtoken::DecodingKey::from_jwk(&jwks.keys[0]).unwrap()
        }
    };
    let mut validation = jsonwebtoken::Validation::new(name(algorithm));
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[ISSUER]);
    validation.validate_nbf = true;
    (key, validation)
}

/// Returns the key that signs. For RSA, it is the `RSAPrivateKey` inside PKCS #8: the last field, after 26 bytes of version
/// and algorithm.
pub(crate) fn encoding_key(algorithm: Algorithm) -> jsonwebtoken::EncodingKey {
    let secret = secret(algorithm);
    match algorithm {
        Algorithm::Hs256 => jsonwebtoken::EncodingKey::from_secret(&secret),
        Algorithm::EdDsa => jsonwebtoken::EncodingKey::from_ed_der(&secret),
        Algorithm::Es256 => jsonwebtoken::EncodingKey::from_ec_der(&secret),
        _ => jsonwebtoken::EncodingKey::from_rsa_der(&secret[26..]),
    }
}

fn decode(algorithm: Algorithm) -> Run {
    let token = token(algorithm);
    let (key, validation) = jsonwebtoken(algorithm);
    Box::new(move |times| {
        for _ in 0..times {
            let claims = jsonwebtoken::decode::<serde_json::Value>(&token, &key, &validation);
            black_box(claims.unwrap());
        }
    })
}
