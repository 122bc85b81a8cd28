//! Verifiers with the faults that the checks of [`Case`] must find: they believe the keys in the header of a token.

use std::net::TcpStream;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::credentials::{Credentials, RequestHead};
use countersign::jose::{Algorithm, KeySet, VerifyingKey};
use countersign::mechanism::{CredentialSelector, Jwt, Mechanism, Outcome};
use countersign::rejection::Challenge;
use countersign::require::claim;
use countersign::testing::Provider;
use countersign::time::Timestamp;
use countersign::token::TrustedIssuer;
use countersign::{AuthLayer, BoxFuture};
use serde_json::Value;

use crate::support::Case;

/// Verifies with the key in one member of the header if there is one, or connects to the URL in it.
struct Broken {
    jwt: Jwt,
    issuer: String,
    audience: String,
    member: &'static str,
}

impl Broken {
    fn key_in_header(&self, credentials: &Credentials) -> Option<VerifyingKey> {
        let token = credentials.expose().split(|byte| *byte == b'.').next()?;
        let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let value = header.get(self.member)?;
        match self.member {
            "jwk" => VerifyingKey::from_jwk(&value.to_string()).ok(),
            "x5c" => {
                let certificate = value.get(0)?.as_str()?;
                let pem = format!(
                    "-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n"
                );
                VerifyingKey::from_pem(Algorithm::Rs256, pem.as_bytes()).ok()
            }
            _ => {
                let address = value.as_str()?.strip_prefix("http://")?.split('/').next()?;
                let _connection = TcpStream::connect(address).ok()?;
                None
            }
        }
    }
}

impl Mechanism for Broken {
    fn selectors(&self) -> Vec<CredentialSelector> {
        self.jwt.selectors()
    }

    fn challenge(&self) -> Challenge {
        self.jwt.challenge()
    }

    fn try_authenticate(
        &self,
        credentials: &Credentials,
        head: &RequestHead<'_>,
        now: Timestamp,
    ) -> Option<Outcome> {
        let Some(key) = self.key_in_header(credentials) else {
            return self.jwt.try_authenticate(credentials, head, now);
        };
        let issuer = TrustedIssuer::external(self.issuer.as_str())
            .audience(self.audience.as_str())
            .keys(KeySet::new([key]).unwrap());
        let jwt = Jwt::new([issuer.build().unwrap()]);
        jwt.try_authenticate(credentials, head, now)
    }

    fn authenticate(
        self: Arc<Self>,
        credentials: Credentials,
        head: &RequestHead<'_>,
        now: Timestamp,
    ) -> BoxFuture<'static, Outcome> {
        Arc::new(self.jwt.clone()).authenticate(credentials, head, now)
    }
}

#[tokio::test]
async fn verifier_that_believes_the_header_of_a_token_is_found() {
    for (member, fault) in [
        ("jwk", "jwk: named token: None"),
        ("x5c", "x5c: forged token: None"),
        ("jku", "jku: outbound connection"),
        ("x5u", "x5u: outbound connection"),
    ] {
        let case = Case::new(Provider::Okta, |issuer, _| issuer);
        let broken = Broken {
            jwt: case.jwt.clone(),
            issuer: case.provider.url().to_owned(),
            audience: case.provider.audience().to_owned(),
            member,
        };
        let layer = AuthLayer::builder().mechanism(broken).build().unwrap();
        let met = claim("groups").contains("Call Admins");
        let faults = case.faults_with_keys_in_the_header(&layer, &met).await;
        assert!(faults.contains(&fault.to_owned()), "{member}: {faults:?}");
        let is_of_member = |fault: &String| fault.starts_with(member);
        assert!(faults.iter().all(is_of_member), "{member}: {faults:?}");
    }
}
