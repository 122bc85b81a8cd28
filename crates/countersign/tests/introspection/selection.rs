//! Which tokens are introspected.

use std::sync::Arc;

use countersign::auth::{AuthLayer, BuildError};
use countersign::credentials::Carrier;
use countersign::dangerous::AssertPrimary;
use countersign::directory::MemoryDirectory;
use countersign::jose::KeySet;
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::{ApiKeys, Jwt};
use countersign::rejection::Reason;
use countersign::testing::{Flaw, TestIssuer};
use countersign::token::TrustedIssuer;

use crate::support::{Fixture, INACTIVE, accepted, asking, send};

const UNSELECTED: crate::support::Outcome = Err((401, Reason::Unselected));

fn jwt(issuer: &TestIssuer) -> Jwt {
    let (keys, _) = KeySet::from_jwks(&issuer.jwks()).unwrap();
    let trusted = TrustedIssuer::external(issuer.url())
        .audience(TestIssuer::AUDIENCE)
        .keys(keys);
    Jwt::new([trusted.build().unwrap()])
}

fn keys() -> ApiKeys {
    let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
    ApiKeys::new(Arc::new(MemoryDirectory::default()), peppers).bearer()
}

#[tokio::test]
async fn signed_tokens_and_api_keys_are_never_introspected() {
    let fixture = Fixture::new();
    let signer = TestIssuer::start(fixture.clock.clone()).unwrap();
    let layer = AuthLayer::builder()
        .mechanism(asking(&fixture.issuer).build().unwrap())
        .mechanism(jwt(&signer))
        .primary(keys())
        .clock(fixture.clock.clone())
        .build()
        .unwrap();
    let signed = signer.token().subject("bob").sign().unwrap();
    assert_eq!(send(&layer, &signed, None).await, Ok("bob".to_owned()));
    // A token of two parts is opaque.
    for flaw in Flaw::ALL.iter().filter(|flaw| **flaw != Flaw::TwoParts) {
        let flawed = signer.flawed(*flaw).unwrap();
        let outcome = send(&layer, &flawed, None).await;
        assert!(matches!(outcome, Err((401, _))), "{flaw:?}: {outcome:?}");
    }
    for token in [
        "a.b.c",
        "..",
        "eyJhbGciOiJub25lIn0.e30.",
        "cs_garbage",
        "cs_",
    ] {
        let outcome = send(&layer, token, None).await;
        assert!(matches!(outcome, Err((401, _))), "{token}: {outcome:?}");
        assert_ne!(outcome, INACTIVE, "{token}");
    }
    assert_eq!(fixture.issuer.introspections(), 0);

    let token = fixture.token();
    assert_eq!(send(&layer, &token, None).await, accepted());
    for opaque in ["garbage", "a.b", "a.b.c.d", "a.b.c.d.e"] {
        assert_eq!(send(&layer, opaque, None).await, INACTIVE, "{opaque}");
    }
}

// Otherwise the issuer could accept what the checks of signed tokens reject.
#[tokio::test]
async fn signed_token_is_rejected_even_if_its_issuer_calls_it_active() {
    let fixture = Fixture::new();
    let signer = TestIssuer::start(fixture.clock.clone()).unwrap();
    for token in [signer.token().sign().unwrap(), "a.b.c".to_owned()] {
        fixture.issuer.set(&token, "active", true);
        assert_eq!(fixture.send(&token).await, UNSELECTED);
    }
    assert_eq!(fixture.issuer.introspections(), 0);
}

#[tokio::test]
async fn token_without_the_form_of_one_is_rejected_without_a_call() {
    let fixture = Fixture::new();
    let long = "a".repeat(8193);
    assert_eq!(fixture.send(&long).await, Err((401, Reason::TokenTooLong)));
    for token in ["a&token=b", "a%20b", "{}", "a:b", "a#", "(a)"] {
        let outcome = fixture.send(token).await;
        assert_eq!(outcome, Err((401, Reason::TokenMalformed)), "{token}");
    }
    assert_eq!(fixture.issuer.introspections(), 0);
    assert_eq!(fixture.send(&"a".repeat(8192)).await, INACTIVE);
}

#[test]
fn second_issuer_of_opaque_tokens_is_a_build_error() {
    let fixture = Fixture::new();
    let tokens = || asking(&fixture.issuer).build().unwrap();
    let built = AuthLayer::builder().mechanism(tokens()).mechanism(tokens());
    assert_eq!(
        built.build().map(drop),
        Err(BuildError::Conflict(Carrier::BEARER))
    );
}

// Chaining: CVE-2012-5563.
#[test]
fn opaque_token_cannot_be_asserted_to_be_primary() {
    let fixture = Fixture::new();
    let tokens = AssertPrimary(asking(&fixture.issuer).build().unwrap());
    let built = AuthLayer::builder().primary(tokens).build().map(drop);
    assert_eq!(built, Err(BuildError::BearerAsPrimary));
}
