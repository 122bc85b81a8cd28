//! A service behind a layer, and the checks that the tokens of every provider must pass.

use std::convert::Infallible;
use std::net::TcpListener;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign::jose::{Algorithm, SigningKey};
use countersign::mechanism::Jwt;
use countersign::random::SystemRandom;
use countersign::rejection::{Reason, Rejection};
use countersign::remote::RemoteIssuer;
use countersign::require::{Requirement, require};
use countersign::testing::{Provider, TestProvider, TestToken};
use countersign::time::SystemClock;
use countersign::{AuthLayer, Principal};
use http::{HeaderName, Request, Response};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use tower::{ServiceBuilder, ServiceExt as _, service_fn};

/// The principal of an accepted token, or the status and reason of a rejected one.
pub(crate) type Outcome = Result<Principal, (u16, Reason)>;

/// A provider, a mechanism that trusts it, and what its token may do.
pub(crate) struct Case {
    pub(crate) provider: TestProvider,
    pub(crate) jwt: Jwt,
    pub(crate) carrier: HeaderName,
}

impl Case {
    pub(crate) fn new(
        provider: Provider,
        options: impl FnOnce(RemoteIssuer, &TestProvider) -> RemoteIssuer,
    ) -> Self {
        let provider = TestProvider::start(provider, SystemClock).unwrap();
        let issuer = Jwt::issuer(provider.url()).audience(provider.audience());
        let jwt = options(issuer, &provider).build().unwrap();
        Self::with(provider, jwt)
    }

    pub(crate) fn with(provider: TestProvider, jwt: Jwt) -> Self {
        let carrier = http::header::AUTHORIZATION;
        Self {
            provider,
            jwt,
            carrier,
        }
    }

    /// Checks that the token is accepted where `met` is required, that `unmet` is not met, and that changed tokens are
    /// rejected.
    pub(crate) async fn check(self, met: Requirement, unmet: Requirement) -> Principal {
        let token = self.provider.token();
        let principal = self.send(&token, Some(met.clone())).await.unwrap();
        let forbidden = self.send(&token, Some(unmet)).await.unwrap_err();
        assert_eq!(forbidden.0, 403, "{forbidden:?}");
        self.changed_tokens_are_rejected().await;
        self.keys_in_the_header_are_ignored(&met).await;
        principal
    }

    async fn changed_tokens_are_rejected(&self) {
        let token = self.provider.token().sign().unwrap();
        for part in 0..3 {
            let changed = with_one_bit_changed(&token, part);
            let (status, _) = self.send_text(&changed, None).await.unwrap_err();
            assert_eq!(status, 401, "part {part}");
        }
        let forged = self.provider.token().key(other_key(&self.provider));
        let rejected = self.send(&forged, None).await.unwrap_err();
        assert_eq!(rejected, (401, Reason::SignatureInvalid));

        let tenant = self.send(&of_another_tenant(&self.provider), None).await;
        assert_eq!(tenant.unwrap_err(), (401, Reason::IssuerUntrusted));
        let token = self.provider.token().audience("another-service");
        let token = token.claim("client_id", "another-service");
        let audience = self.send(&token, None).await.unwrap_err();
        assert_eq!(audience, (401, Reason::AudienceMismatch));
    }

    /// A key or certificate in the header verifies nothing, and a URL there is not fetched. For own tokens, they are
    /// reasons to reject the token.
    async fn keys_in_the_header_are_ignored(&self, met: &Requirement) {
        let layer = self.layer();
        let faults = self.faults_with_keys_in_the_header(&layer, met).await;
        assert_eq!(faults, Vec::<String>::new());
        for name in ["crit", "b64", "zip", "enc"] {
            let token = self.provider.token().header(name, json!(["x"]));
            let rejected = self.send(&token, None).await.unwrap_err();
            assert_eq!(rejected, (401, Reason::HeaderUnsupported), "{name}");
        }
    }

    /// Sends tokens with keys, certificates and URLs in their headers through `layer`. Returns what differs from a
    /// verifier that ignores them.
    pub(crate) async fn faults_with_keys_in_the_header(
        &self,
        layer: &AuthLayer,
        met: &Requirement,
    ) -> Vec<String> {
        let canary = TcpListener::bind("127.0.0.1:0").unwrap();
        canary.set_nonblocking(true).unwrap();
        let url = format!("http://{}/keys", canary.local_addr().unwrap());
        let (attacker, certificate) = attacker(&self.provider);
        let jwk: Value = serde_json::from_str(&attacker.public_jwk().unwrap()).unwrap();
        let mut faults = Vec::new();
        for (name, value) in [
            ("jwk", jwk),
            ("x5c", json!([certificate])),
            ("jku", url.as_str().into()),
            ("x5u", url.as_str().into()),
            ("cty", "JWT".into()),
            ("cty", "json".into()),
            ("cty", Value::Null),
            ("x5t", "AAAA".into()),
        ] {
            let honest = self.provider.token().header(name, &value);
            let forged = honest.clone().key(attacker.clone());
            let named = forged.clone().key_id(attacker.id());
            for (kind, token, expected) in [
                ("honest", honest, None),
                ("forged", forged, Some(Reason::SignatureInvalid)),
                ("named", named, Some(Reason::KeyUnknown)),
            ] {
                let required = (kind == "honest").then(|| met.clone());
                let text = token.sign().unwrap();
                let outcome = send_through(layer, &self.carrier, &text, required).await;
                let reason = outcome.err().map(|(_, reason)| reason);
                if reason != expected {
                    faults.push(format!("{name}: {kind} token: {reason:?}"));
                }
            }
            while canary.accept().is_ok() {
                faults.push(format!("{name}: outbound connection"));
            }
        }
        faults
    }

    fn layer(&self) -> AuthLayer {
        let layer = AuthLayer::builder().mechanism(self.jwt.clone());
        layer.build().unwrap()
    }

    pub(crate) async fn send(&self, token: &TestToken, required: Option<Requirement>) -> Outcome {
        self.send_text(&token.clone().sign().unwrap(), required)
            .await
    }

    pub(crate) async fn send_text(&self, token: &str, required: Option<Requirement>) -> Outcome {
        send_through(&self.layer(), &self.carrier, token, required).await
    }
}

async fn send_through(
    layer: &AuthLayer,
    carrier: &HeaderName,
    token: &str,
    required: Option<Requirement>,
) -> Outcome {
    let value = match *carrier {
        http::header::AUTHORIZATION => format!("Bearer {token}"),
        _ => token.to_owned(),
    };
    let service = ServiceBuilder::new()
        .layer(layer.clone())
        .option_layer(required.map(|required| require(required).unwrap()))
        .service(service_fn(async |request: Request<()>| {
            let principal = request.extensions().get::<Principal>().unwrap();
            Ok::<_, Infallible>(Response::new(Some(principal.clone())))
        }));
    let request = Request::get("/").header(carrier, value);
    let response = service.oneshot(request.body(()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    match response.extensions().get::<Rejection>() {
        Some(rejection) => Err((status, rejection.reason())),
        None => Ok(response.into_body().unwrap()),
    }
}

/// Returns a key of the same algorithm that the provider does not have, and a certificate of it in base64.
fn attacker(provider: &TestProvider) -> (SigningKey, String) {
    let algorithm = algorithm(provider);
    let key = KeyPair::generate_for(match algorithm {
        Algorithm::Rs256 => &rcgen::PKCS_RSA_SHA256,
        Algorithm::Es256 => &rcgen::PKCS_ECDSA_P256_SHA256,
        Algorithm::EdDsa => &rcgen::PKCS_ED25519,
        other => panic!("a fixture signs with {other}"),
    });
    let key = key.unwrap();
    let certificate = CertificateParams::new(["attacker.example".to_owned()]).unwrap();
    let certificate = certificate.self_signed(&key).unwrap();
    let signing = SigningKey::from_pem(algorithm, key.serialize_pem().as_bytes()).unwrap();
    (signing, STANDARD.encode(certificate.der()))
}

/// Returns a key of the same algorithm that the provider does not have.
fn other_key(provider: &TestProvider) -> SigningKey {
    SigningKey::generate(algorithm(provider), &SystemRandom).unwrap()
}

fn algorithm(provider: &TestProvider) -> Algorithm {
    let header: Value = serde_json::from_str(&provider.token().header_json()).unwrap();
    header["alg"].as_str().unwrap().parse().unwrap()
}

/// Returns a correctly signed token in the name of another issuer, tenant or trust domain.
fn of_another_tenant(provider: &TestProvider) -> TestToken {
    let claims: Value = serde_json::from_str(&provider.token().claims_json()).unwrap();
    let Some(issuer) = claims["iss"].as_str() else {
        return provider
            .token()
            .subject("spiffe://other.example/billing/worker");
    };
    let tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47";
    match claims["tid"].as_str() {
        Some(tid) => {
            let token = provider.token().claim("iss", issuer.replace(tid, tenant));
            token.claim("tid", tenant)
        }
        None => provider.token().claim("iss", format!("{issuer}/other")),
    }
}

/// Changes the lowest bit that counts of the middle of a part of the token.
fn with_one_bit_changed(token: &str, part: usize) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let mut bytes = URL_SAFE_NO_PAD.decode(&parts[part]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    parts[part] = URL_SAFE_NO_PAD.encode(bytes);
    parts.join(".")
}
