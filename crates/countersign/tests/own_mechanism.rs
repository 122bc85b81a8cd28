//! A custom mechanism for credentials of the directory.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use countersign::auth::{AuthLayer, Authenticator};
use countersign::credentials::{Carrier, Credentials, RequestHead, Scheme};
use countersign::dangerous::AssertPrimary;
use countersign::directory::{Directory, MemoryDirectory};
use countersign::jose::{Algorithm, SigningKey};
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::{CredentialSelector, Mechanism, Outcome};
use countersign::mint::{Issuer, Mint, MintParameters, MintRequest};
use countersign::principal::Identity;
use countersign::random::SystemRandom;
use countersign::registry::{Caller, Change, MemoryRegistry, NewKey, Registry};
use countersign::rejection::{Challenge, Reason};
use countersign::time::{SystemClock, Timestamp};
use countersign::{Id, Principal};
use http::{HeaderName, Request, Response};
use tower::{Layer as _, ServiceExt as _, service_fn};

/// Trusts a proxy that verifies client certificates and sends the id of the credential.
#[derive(Clone)]
struct Certificate(Arc<MemoryDirectory>);

impl Certificate {
    fn identify(&self, presented: &Credentials, now: Timestamp) -> Result<Identity, Reason> {
        let unknown = Reason::Custom("certificate_unknown");
        let id: Id = std::str::from_utf8(presented.expose())
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or(unknown)?;
        let credential = self.0.credential(&id).ok_or(unknown)?;
        Identity::of_credential("certificate", credential, presented, now)
    }
}

impl Mechanism for Certificate {
    fn selectors(&self) -> Vec<CredentialSelector> {
        let header = HeaderName::from_static("x-certificate-of");
        vec![CredentialSelector::all(Carrier::Header(header))]
    }

    fn challenge(&self) -> Challenge {
        Challenge::named("Certificate")
    }

    fn try_authenticate(
        &self,
        credentials: &Credentials,
        _: &RequestHead<'_>,
        now: Timestamp,
    ) -> Option<Outcome> {
        Some(self.identify(credentials, now).into())
    }
}

async fn set_up() -> (Certificate, MemoryRegistry, Id) {
    let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
    let directory = Arc::new(MemoryDirectory::default());
    let table = Arc::clone(&directory);
    let registry = MemoryRegistry::new(table, peppers, SystemClock, SystemRandom).unwrap();
    let new = NewKey::new("device", "calls:read".parse().unwrap());
    let caller = Caller::operator("test");
    let id = registry.create_key(&caller, new).await.unwrap().record.id;
    (Certificate(directory), registry, id)
}

fn request(id: &Id) -> Request<()> {
    let request = Request::get("/").header("x-certificate-of", id.to_string());
    request.body(()).unwrap()
}

#[tokio::test]
async fn custom_mechanism_can_mint_when_it_is_asserted_to_be_primary() {
    let (certificate, registry, id) = set_up().await;
    let asserted = AssertPrimary(certificate.clone());
    let authenticator = Authenticator::builder().primary(asserted).build().unwrap();
    let credentials = authenticator
        .find_credentials(&RequestHead::new(&request(&id)))
        .unwrap()
        .unwrap();
    let principal = authenticator
        .authenticate(credentials.clone(), &RequestHead::empty())
        .await
        .unwrap()
        .primary()
        .unwrap();
    let key = SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap();
    let issuer = Issuer::builder("https://auth.example")
        .signing_key(key)
        .build()
        .unwrap();
    let mint = Mint::new(issuer, SystemClock, SystemRandom);
    let token = mint
        .mint(&MintRequest::new(principal, MintParameters::default()))
        .unwrap();
    assert_eq!(token.scopes.as_str(), "calls:read");

    let revoke = Change::Revoke { reason: None };
    let caller = Caller::operator("test");
    registry.change(&caller, id, revoke).await.unwrap();
    let rejected = authenticator
        .authenticate(credentials, &RequestHead::empty())
        .await
        .unwrap_err();
    assert_eq!(rejected.reason(), Reason::CredentialRevoked);
}

#[tokio::test]
async fn custom_mechanism_in_a_layer_is_not_primary() {
    let (certificate, _registry, id) = set_up().await;
    let layer = AuthLayer::builder().mechanism(certificate).build().unwrap();
    let service = layer.layer(service_fn(|request: Request<()>| async move {
        let principal = request.extensions().get::<Principal>().unwrap();
        assert_eq!(principal.scheme(), Scheme::Custom("certificate"));
        assert!(principal.primary().is_none());
        Ok::<_, std::convert::Infallible>(Response::new(principal.subject().to_owned()))
    }));
    let response = service.oneshot(request(&id)).await.unwrap();
    assert_eq!(*response.body(), id.to_string());
}
