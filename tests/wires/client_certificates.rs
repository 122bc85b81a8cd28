//! Client certificates and webhooks at the token endpoints: only a certificate that is mapped to a stored credential mints.

use countersign::Secret;
use countersign::auth::Authenticator;
use countersign::credentials::ClientCertificate;
use countersign::mechanism::webhook::WebhookVerifier;
use countersign::mechanism::{ApiKeys, Basic, CertificateSubjects, ClientCertificates};
use countersign::registry::CreatedKey;
use countersign_tests::claims;
use http::Request;

use crate::expected_responses::expected_response;
use crate::fixture::{Body, Fixture, GRANT, NOW, Presented, WireKind};
use crate::statuses::Case;

const URI: &str = "spiffe://acme.example/billing";
/// The wires that accept the certificate of the client.
const ACCEPTING: [WireKind; 2] = [WireKind::Envelope, WireKind::OAuth];

/// A fixture whose authenticator maps the URI to another key than that of the fixture.
async fn fixture() -> (Fixture, CreatedKey) {
    let mut fixture = Fixture::new().await;
    let billing = fixture.create_key_with_scopes("calls:read").await;
    let id = billing.record.id;
    let find = move |certificate: &ClientCertificate| {
        certificate.uris().any(|uri| uri == URI).then_some(id)
    };
    let directory = || fixture.directory();
    fixture.authenticator = Authenticator::builder()
        .primary(ApiKeys::new(directory(), fixture.peppers.clone()))
        .primary(Basic::new(directory(), fixture.peppers.clone()))
        .primary(ClientCertificates::new(directory(), find))
        .clock(fixture.clock.clone())
        .build()
        .unwrap();
    (fixture, billing)
}

fn with_certificate(uri: &str, mut request: Request<Body>) -> Request<Body> {
    let certificate = ClientCertificate::for_test(uri);
    request.extensions_mut().insert(certificate);
    request
}

fn request(wire: WireKind) -> Request<Body> {
    with_certificate(URI, wire.post(&[], wire.body()))
}

#[tokio::test]
async fn mapped_certificate_mints_for_its_credential_where_headers_are_accepted() {
    let (fixture, billing) = fixture().await;
    for wire in WireKind::ALL {
        let response = fixture.send(wire, request(wire)).await;
        if ACCEPTING.contains(&wire) {
            let minted = claims(response.token());
            assert_eq!(minted["sub"], billing.record.id.to_string(), "{wire:?}");
            assert_eq!(minted["scope"], "calls:read", "{wire:?}");
        } else {
            assert!(matches!(response.status.as_u16(), 400 | 401), "{wire:?}");
            assert_eq!(response.token, None, "{wire:?}");
        }
    }
    let revoke = countersign::registry::Change::Revoke { reason: None };
    fixture.change(&billing.record, revoke).await;
    for wire in ACCEPTING {
        let response = fixture.send(wire, request(wire)).await;
        assert_eq!(response.status, 401, "{wire:?}");
    }
}

#[tokio::test]
async fn certificate_does_not_count_beside_credentials_in_headers_or_in_the_body() {
    let (fixture, _) = fixture().await;
    for wire in WireKind::ALL {
        let valid = with_certificate(URI, fixture.valid_request(wire));
        let minted = fixture.send(wire, valid).await;
        assert_eq!(claims(minted.token())["sub"], fixture.id(), "{wire:?}");
    }
    let id = fixture.id();
    let in_body = WireKind::OAuth.request_with(Presented::Pair(&id, fixture.secret()));
    let in_body = with_certificate(URI, in_body.unwrap());
    let minted = fixture.send(WireKind::OAuth, in_body).await;
    assert_eq!(claims(minted.token())["sub"], id);
    for wire in ACCEPTING {
        for header in [
            ("x-api-key", "cs_nonsense"),
            ("authorization", "ApiKey cs_nonsense"),
            ("authorization", "Basic eDp5"),
            ("authorization", "Digest x"),
        ] {
            let request = with_certificate(URI, wire.post(&[header], wire.body()));
            let response = fixture.send(wire, request).await;
            assert_eq!(response.status, 401, "{wire:?} {header:?}");
        }
    }
    let form = format!("{GRANT}&client_id={}&client_secret=wrong", fixture.id());
    let request = with_certificate(URI, WireKind::OAuth.post(&[], form));
    assert_eq!(fixture.send(WireKind::OAuth, request).await.status, 401);
}

// RFC 8705 §2: the client sends its id beside the certificate.
#[tokio::test]
async fn client_id_beside_a_certificate_is_that_of_its_credential() {
    let (fixture, billing) = fixture().await;
    let own = billing.record.id.to_string();
    for (client, status) in [(own, 200), (fixture.id(), 400)] {
        let form = format!("{GRANT}&client_id={client}");
        let request = with_certificate(URI, WireKind::OAuth.post(&[], form));
        let response = fixture.send(WireKind::OAuth, request).await;
        assert_eq!(response.status, status, "{}", response.body);
    }
}

#[tokio::test]
async fn certificate_that_is_not_mapped_to_a_credential_mints_nothing() {
    let (mut fixture, _) = fixture().await;
    for wire in ACCEPTING {
        let unknown = with_certificate("spiffe://acme.example/x", wire.post(&[], wire.body()));
        let response = fixture.send(wire, unknown).await;
        let (status, expected) = expected_response(wire, Case::Unauthenticated);
        assert_eq!(response.status_and_body(), (status, &*expected), "{wire:?}");
    }
    let subjects = CertificateSubjects::new(|certificate| {
        let uri = certificate.uris().next()?;
        Some((uri.to_owned(), "calls:read".parse().ok()?))
    });
    fixture.authenticator = Authenticator::builder()
        .primary(ApiKeys::new(fixture.directory(), fixture.peppers.clone()))
        .mechanism(subjects)
        .clock(fixture.clock.clone())
        .build()
        .unwrap();
    for wire in WireKind::ALL {
        let response = fixture.send(wire, request(wire)).await;
        assert_eq!(response.token, None, "{wire:?}");
        if ACCEPTING.contains(&wire) {
            let (status, expected) = expected_response(wire, Case::Chaining);
            assert_eq!(response.status_and_body(), (status, &*expected), "{wire:?}");
        } else {
            assert!(matches!(response.status.as_u16(), 400 | 401), "{wire:?}");
        }
    }
}

#[tokio::test]
async fn signed_webhook_mints_nothing_on_any_wire() {
    let (fixture, _) = fixture().await;
    let secret = || Secret::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
    for verifier in [
        WebhookVerifier::github([secret()]),
        WebhookVerifier::standard([secret()]),
        WebhookVerifier::stripe([secret()]),
    ] {
        let verifier = verifier.unwrap();
        for wire in WireKind::ALL {
            let body = wire.body();
            let signed = verifier.sign_for_test("msg_1", body.as_bytes(), NOW);
            assert!(verifier.verify(&signed, body.as_bytes(), NOW).is_ok());
            let mut request = wire.post(&[], body);
            request.headers_mut().extend(signed);
            let response = fixture.send(wire, request).await;
            assert!(matches!(response.status.as_u16(), 400 | 401), "{wire:?}");
            assert_eq!(response.token, None, "{wire:?}");
        }
    }
}
