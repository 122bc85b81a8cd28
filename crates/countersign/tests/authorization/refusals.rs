//! The status and the challenge of a principal that does not meet a requirement.

use std::convert::Infallible;
use std::sync::Arc;

use countersign::directory::MemoryDirectory;
use countersign::jose::KeySet;
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::{ApiKeys, Jwt};
use countersign::random::SystemRandom;
use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry as _};
use countersign::rejection::{Reason, Rejection};
use countersign::require::{Requirement, claim, issuer, predicate, primary, require, scope};
use countersign::testing::TestIssuer;
use countersign::time::SystemClock;
use countersign::token::TrustedIssuer;
use countersign::{AuthLayer, Principal};
use http::{Request, Response, StatusCode};
use tower::{Layer as _, ServiceBuilder, ServiceExt as _, service_fn};

/// A layer for tokens of an issuer and API keys, and credentials of both kinds.
struct Fixture {
    layer: AuthLayer,
    bearer: (&'static str, String),
    api_key: (&'static str, String),
}

impl Fixture {
    async fn new() -> Self {
        let issuer = TestIssuer::start(SystemClock).unwrap();
        let trusted = TrustedIssuer::external(issuer.url()).audience(TestIssuer::AUDIENCE);
        let trusted = trusted.keys(KeySet::from_jwks(&issuer.jwks()).unwrap().0);
        let token = issuer.token().scope("other").sign().unwrap();

        let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
        let directory = Arc::new(MemoryDirectory::default());
        let registry = MemoryRegistry::new(
            Arc::clone(&directory),
            peppers.clone(),
            SystemClock,
            SystemRandom,
        );
        let new = NewKey::new("test", "other".parse().unwrap());
        let created = registry
            .unwrap()
            .create_key(&Caller::operator("test"), new)
            .await;
        let key = created.unwrap().issued.key.expose().to_owned();

        let layer = AuthLayer::builder()
            .realm("calls")
            .mechanism(Jwt::new([trusted.build().unwrap()]))
            .primary(ApiKeys::new(directory, peppers));
        Self {
            layer: layer.build().unwrap(),
            bearer: ("authorization", format!("Bearer {token}")),
            api_key: ("x-api-key", key),
        }
    }

    /// Returns the status and the challenges of a rejection that a handler constructs.
    async fn reject(&self, reason: Reason, (name, value): &(&str, String)) -> (u16, Vec<String>) {
        let service = self.layer.layer(service_fn(async |request: Request<()>| {
            let principal = request.extensions().get::<Principal>().unwrap();
            Ok::<_, Infallible>(Response::new(Some(principal.reject(reason))))
        }));
        let request = Request::get("/").header(*name, value);
        let response = service.oneshot(request.body(()).unwrap()).await.unwrap();
        let rejection = response.into_body().unwrap();
        let challenges = rejection.challenges();
        let challenges = challenges
            .iter()
            .map(|value| value.to_str().unwrap().to_owned());
        (rejection.kind().status().as_u16(), challenges.collect())
    }

    /// Returns the status, the challenges and the reason of the response.
    async fn send(
        &self,
        requirement: Requirement,
        layer: AuthLayer,
        (name, value): &(&str, String),
    ) -> (StatusCode, Vec<String>, Reason) {
        let service = ServiceBuilder::new()
            .layer(layer)
            .layer(require(requirement).unwrap())
            .service(service_fn(async |_: Request<()>| {
                Ok::<_, Infallible>(Response::new(()))
            }));
        let request = Request::get("/").header(*name, value);
        let response = service.oneshot(request.body(()).unwrap()).await.unwrap();
        let values = response.headers().get_all("www-authenticate").iter();
        let challenges = values.map(|value| value.to_str().unwrap().to_owned());
        let reason = response.extensions().get::<Rejection>().unwrap().reason();
        (response.status(), challenges.collect(), reason)
    }
}

#[tokio::test]
async fn unmet_requirement_has_its_challenge() {
    let fixture = Fixture::new().await;
    let group = || claim("groups").contains("operators");
    let lacking = |rest: &str| {
        let challenge = format!(r#"Bearer realm="calls", error="insufficient_scope"{rest}"#);
        vec![challenge]
    };
    let of_scope = lacking(r#", scope="calls.read""#);
    for (requirement, reason, challenges) in [
        (scope("calls.read"), Reason::ScopeMissing, of_scope.clone()),
        (
            scope("calls.read") & scope("calls.write"),
            Reason::ScopeMissing,
            lacking(r#", scope="calls.read calls.write""#),
        ),
        (group(), Reason::ClaimMissing, lacking("")),
        // The scope alone would not be enough.
        (
            scope("calls.read") & group(),
            Reason::ClaimMissing,
            lacking(""),
        ),
        // Of alternatives, the first one.
        (
            scope("calls.read") | group(),
            Reason::ScopeMissing,
            of_scope.clone(),
        ),
        (
            group() | scope("calls.read"),
            Reason::ClaimMissing,
            lacking(""),
        ),
        (
            (scope("calls.read") | scope("calls.admin")) & scope("calls.write"),
            Reason::ScopeMissing,
            lacking(r#", scope="calls.read calls.write""#),
        ),
        (
            issuer("https://b.example"),
            Reason::IssuerRequired,
            Vec::new(),
        ),
        (
            predicate("confirmed", |_| false),
            Reason::Unmet("confirmed"),
            Vec::new(),
        ),
        (primary(), Reason::PrimaryRequired, Vec::new()),
    ] {
        for layer in [fixture.layer.clone(), fixture.layer.clone().optional()] {
            let found = fixture
                .send(requirement.clone(), layer, &fixture.bearer)
                .await;
            assert_eq!(found, (StatusCode::FORBIDDEN, challenges.clone(), reason));
        }
    }
    // API keys have no error in a challenge (RFC 6750 §3.1 is about bearer tokens).
    for (requirement, reason) in [
        (scope("calls.read"), Reason::ScopeMissing),
        (group(), Reason::ClaimMissing),
        (issuer("https://b.example"), Reason::IssuerRequired),
    ] {
        let layer = fixture.layer.clone();
        let found = fixture.send(requirement, layer, &fixture.api_key).await;
        assert_eq!(found, (StatusCode::FORBIDDEN, Vec::new(), reason));
    }
}

#[tokio::test]
async fn rejection_that_a_handler_constructs_has_the_challenges_of_the_layer() {
    let fixture = Fixture::new().await;
    let lacking = r#"Bearer realm="calls", error="insufficient_scope""#;
    let invalid = r#"Bearer realm="calls", error="invalid_token""#;
    for (reason, status, bearer, api_key) in [
        (
            Reason::Custom("unconfirmed"),
            401,
            invalid,
            r#"ApiKey realm="calls""#,
        ),
        (Reason::Superseded, 401, invalid, r#"ApiKey realm="calls""#),
        (Reason::ScopeMissing, 403, lacking, ""),
        (Reason::ClaimMissing, 403, lacking, ""),
        (Reason::Unmet("owner"), 403, "", ""),
        (Reason::MechanismUnavailable, 503, "", ""),
    ] {
        for (credentials, challenge) in [(&fixture.bearer, bearer), (&fixture.api_key, api_key)] {
            let challenges =
                Vec::from_iter([challenge.to_owned()].into_iter().filter(|c| !c.is_empty()));
            let found = fixture.reject(reason, credentials).await;
            assert_eq!(found, (status, challenges), "{reason:?}");
        }
    }
}
