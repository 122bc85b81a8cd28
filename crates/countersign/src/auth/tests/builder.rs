//! Tests of what can be built.

use http::{Request, Response, StatusCode};
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::{Scripted, poll_once};
use crate::auth::{AuthLayer, BuildError};
use crate::credentials::{Carrier, Credentials, RequestHead};
use crate::dangerous::AssertPrimary;
use crate::directory::MemoryDirectory;
use crate::key::{KeyPrefix, Pepper, Peppers};
use crate::mechanism::{ApiKeys, CredentialSelector, Jwt, Mechanism, Outcome};
use crate::rejection::{Challenge, Reason};
use crate::time::Timestamp;

#[test]
fn layer_rejected_without_a_mechanism() {
    assert_eq!(
        AuthLayer::builder().build().unwrap_err(),
        BuildError::NoMechanism
    );
}

#[test]
fn layer_rejected_when_two_mechanisms_select_the_same_carrier() {
    let build = AuthLayer::builder()
        .mechanism(Scripted::default())
        .mechanism(Scripted::default())
        .build();
    assert!(matches!(
        build.unwrap_err(),
        BuildError::Conflict(Carrier::Header(_))
    ));
}

#[test]
fn layer_rejected_when_its_realm_cannot_be_quoted() {
    for realm in ["a\"b", "a\\b", "a\r\nb", "ä"] {
        let build = AuthLayer::builder()
            .mechanism(Scripted::default())
            .realm(realm)
            .build();
        assert_eq!(build.unwrap_err(), BuildError::Realm);
    }
}

/// Selects the credentials that a test chooses.
#[derive(Clone)]
struct Selecting(Vec<CredentialSelector>);

impl Mechanism for Selecting {
    fn selectors(&self) -> Vec<CredentialSelector> {
        self.0.clone()
    }

    fn challenge(&self) -> Challenge {
        Challenge::BEARER
    }

    fn try_authenticate(
        &self,
        _: &Credentials,
        _: &RequestHead<'_>,
        _: Timestamp,
    ) -> Option<Outcome> {
        Some(Outcome::Rejected(Reason::Custom("never")))
    }
}

#[test]
fn bearer_mechanism_asserted_primary_is_rejected_unless_it_selects_keys_by_prefix() {
    let asserted = |selector| {
        let mechanism = AssertPrimary(Selecting(vec![selector]));
        AuthLayer::builder().primary(mechanism).build().map(drop)
    };
    assert_eq!(
        asserted(CredentialSelector::all(Carrier::BEARER)),
        Err(BuildError::BearerAsPrimary)
    );
    assert_eq!(
        asserted(CredentialSelector::keys(
            Carrier::BEARER,
            KeyPrefix::default()
        )),
        Ok(())
    );
    assert_eq!(asserted(CredentialSelector::all(Carrier::BASIC)), Ok(()));
}

#[test]
fn keys_of_two_prefixes_and_tokens_share_the_bearer_scheme() {
    let keys = |prefix: &str| {
        Selecting(vec![CredentialSelector::keys(
            Carrier::BEARER,
            prefix.parse().unwrap(),
        )])
    };
    let tokens = Selecting(Jwt::new([]).selectors());
    let build = |mechanisms: [Selecting; 3]| {
        mechanisms
            .into_iter()
            .fold(AuthLayer::builder(), |builder, m| builder.mechanism(m))
            .build()
            .map(drop)
    };
    assert_eq!(build([keys("a"), keys("b"), tokens.clone()]), Ok(()));
    let conflict = Err(BuildError::Conflict(Carrier::BEARER));
    assert_eq!(build([keys("a"), keys("a"), tokens.clone()]), conflict);
    assert_eq!(build([keys("a"), tokens.clone(), tokens]), conflict);
}

#[test]
fn challenge_of_two_mechanisms_is_sent_once() {
    let keys = |prefix: &str| {
        let prefix = prefix.parse().unwrap();
        Selecting(vec![CredentialSelector::keys(Carrier::BEARER, prefix)])
    };
    let layer = AuthLayer::builder()
        .mechanism(keys("a"))
        .mechanism(keys("b"));
    let inner = service_fn(|_: Request<()>| async {
        Ok::<_, std::convert::Infallible>(Response::new(String::new()))
    });
    let service = layer.build().unwrap().layer(inner);
    let answer = poll_once(service.oneshot(Request::new(()))).unwrap();
    let challenges: Vec<_> = answer
        .headers()
        .get_all("www-authenticate")
        .iter()
        .collect();
    assert_eq!(challenges, [r#"Bearer realm="countersign""#]);
}

#[test]
fn mechanism_that_returns_unavailable_with_any_reason_is_a_503() {
    #[derive(Clone)]
    struct Confused;
    impl Mechanism for Confused {
        fn selectors(&self) -> Vec<CredentialSelector> {
            vec![CredentialSelector::all(Carrier::BASIC)]
        }
        fn challenge(&self) -> Challenge {
            Challenge::BASIC
        }
        fn try_authenticate(
            &self,
            _: &Credentials,
            _: &RequestHead<'_>,
            _: Timestamp,
        ) -> Option<Outcome> {
            Some(Outcome::Unavailable(Reason::SecretWrong))
        }
    }
    let layer = AuthLayer::builder().mechanism(Confused).build().unwrap();
    let inner = service_fn(|_: Request<()>| async {
        Ok::<_, std::convert::Infallible>(Response::new(String::new()))
    });
    let request = Request::builder()
        .header("authorization", "Basic eA==")
        .body(())
        .unwrap();
    let answer = poll_once(layer.layer(inner).oneshot(request)).unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["retry-after"], "1");
}

#[test]
fn primary_mechanism_is_rejected_unless_it_is_added_as_primary() {
    let keys = || {
        let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
        ApiKeys::new(std::sync::Arc::new(MemoryDirectory::default()), peppers)
    };
    let added = AuthLayer::builder().mechanism(keys()).build();
    assert_eq!(added.unwrap_err(), BuildError::PrimaryAsMechanism);
    assert!(AuthLayer::builder().primary(keys()).build().is_ok());
}
