//! Keys, tokens and the runtime that the paths need.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::jose::{Algorithm, SigningKey};
use countersign::mechanism::Jwt;
use countersign::mint::{Issuer, Mint, MintParameters, MintRequest};
use countersign::random::{Random as _, SystemRandom};
use countersign::time::SystemClock;
use countersign::{Id, PrimaryPrincipal};
use http::HeaderValue;
use tokio::runtime::{Builder, EnterGuard, Runtime};

use crate::results;

/// The issuer of the tokens, and their audience.
pub(crate) const ISSUER: &str = "https://auth.example";
pub(crate) const SCOPES: &str = "calls:read calls:write campaigns:read agents:read";

/// What the paths need. The keys are kept in files, because a new RSA key takes seconds under valgrind.
pub struct Material {
    runtime: Runtime,
}

impl Material {
    /// Starts a runtime.
    #[must_use]
    pub fn load() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build();
        Self {
            runtime: runtime.unwrap(),
        }
    }

    /// Makes the runtime that of this thread.
    pub fn enter(&self) -> EnterGuard<'_> {
        self.runtime.enter()
    }

    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }
}

/// Returns the secret of an algorithm's key: PKCS #8, or for HMAC a text, because some crates take no other secrets.
pub(crate) fn secret(algorithm: Algorithm) -> Vec<u8> {
    let file = results().join(format!("{algorithm}.key"));
    if let Ok(secret) = fs::read(&file) {
        return secret;
    }
    let secret = match algorithm {
        Algorithm::Hs256 => {
            let mut bytes = [0; 32];
            SystemRandom.fill(&mut bytes).unwrap();
            URL_SAFE_NO_PAD.encode(bytes).into_bytes()
        }
        _ => {
            let key = SigningKey::generate(algorithm, &SystemRandom).unwrap();
            key.to_secret_bytes().unwrap().to_vec()
        }
    };
    fs::write(file, &secret).unwrap();
    secret
}

pub(crate) fn signing_key(algorithm: Algorithm) -> SigningKey {
    SigningKey::from_secret_bytes(algorithm, &secret(algorithm)).unwrap()
}

/// Returns the key set with the public key or, for HMAC, with the secret (RFC 7518 §6.4).
pub(crate) fn jwks(algorithm: Algorithm) -> String {
    let key = signing_key(algorithm);
    let jwk = key.public_jwk().unwrap_or_else(|| {
        let (id, secret) = (key.id(), URL_SAFE_NO_PAD.encode(secret(algorithm)));
        format!(r#"{{"kty":"oct","alg":"HS256","kid":"{id}","k":"{secret}"}}"#)
    });
    format!(r#"{{"keys":[{jwk}]}}"#)
}

pub(crate) fn mint(algorithm: Algorithm, scopes: &str) -> (Mint, MintRequest) {
    let issuer = Issuer::builder(ISSUER).signing_key(signing_key(algorithm));
    let mint = Mint::new(issuer.build().unwrap(), SystemClock, SystemRandom);
    let principal = PrimaryPrincipal::for_test(Id::from_bytes([1; 20]), scopes.parse().unwrap());
    (mint, MintRequest::new(principal, MintParameters::default()))
}

pub(crate) fn token(algorithm: Algorithm) -> String {
    let (mint, request) = mint(algorithm, SCOPES);
    mint.mint(&request).unwrap().token.expose().to_owned()
}

/// Returns the mechanism that verifies tokens of this algorithm's key.
pub(crate) fn jwt(algorithm: Algorithm) -> Jwt {
    let (mint, _) = mint(algorithm, SCOPES);
    Jwt::new([mint.issuer().trusted().build().unwrap()])
}

pub(crate) fn bearer(token: &str) -> HeaderValue {
    HeaderValue::try_from(format!("Bearer {token}")).unwrap()
}
