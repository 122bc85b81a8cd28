//! Tests of the authenticator without a layer.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::Request;
use tokio_test::task;

use super::{Scripted, poll_once};
use crate::auth::Authenticator;
use crate::credentials::{Credentials, RequestHead};
use crate::directory::MemoryDirectory;
use crate::key::{Pepper, Peppers};
use crate::mechanism::ApiKeys;
use crate::principal::Principal;
use crate::random::SystemRandom;
use crate::registry::{Caller, Change, CreatedKey, MemoryRegistry, NewKey, Registry as _};
use crate::rejection::{Reason, RejectionKind};
use crate::secret::Secret;
use crate::time::{Clock, Timestamp};

/// A clock that shows a time that tests set.
#[derive(Clone, Default)]
pub(super) struct TestClock(pub(super) Arc<std::sync::atomic::AtomicI64>);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let millis = self.0.load(std::sync::atomic::Ordering::SeqCst);
        Timestamp::from_unix_millis(millis + 1_773_576_000_000)
    }
}

struct Fixture {
    clock: TestClock,
    registry: MemoryRegistry,
    authenticator: Authenticator,
    key: CreatedKey,
}

impl Fixture {
    fn new() -> Self {
        let clock = TestClock::default();
        let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
        let directory = Arc::new(MemoryDirectory::default());
        let registry = MemoryRegistry::new(
            Arc::clone(&directory),
            peppers.clone(),
            clock.clone(),
            SystemRandom,
        )
        .unwrap();
        let authenticator = Authenticator::builder()
            .primary(ApiKeys::new(directory, peppers))
            .clock(clock.clone())
            .build()
            .unwrap();
        let end = clock.now().plus(Duration::from_secs(60));
        let new = NewKey::new("test", "calls:*".parse().unwrap()).expires_at(end);
        let key = poll_once(registry.create_key(&Caller::operator("test"), new)).unwrap();
        Self {
            clock,
            registry,
            authenticator,
            key,
        }
    }

    fn principal(&self) -> Principal {
        let credentials = Credentials::key(self.key.issued.key.clone());
        let authentication = self
            .authenticator
            .authenticate(credentials, &RequestHead::empty());
        poll_once(authentication).unwrap()
    }

    fn change(&self, change: Change) {
        let operator = Caller::operator("test");
        poll_once(self.registry.change(&operator, self.key.record.id, change)).unwrap();
    }

    fn reason(&self, principal: &Principal) -> Option<Reason> {
        let result = self.authenticator.revalidate(principal);
        result.err().map(|rejection| rejection.reason())
    }
}

#[test]
fn principal_is_valid_again_until_its_credential_is_suspended_narrowed_or_revoked() {
    let fixture = Fixture::new();
    let principal = fixture.principal();
    assert_eq!(fixture.reason(&principal), None);
    fixture.change(Change::Suspend);
    assert_eq!(
        fixture.reason(&principal),
        Some(Reason::CredentialSuspended)
    );
    fixture.change(Change::Activate);
    assert_eq!(fixture.reason(&principal), Some(Reason::Superseded));

    let principal = fixture.principal();
    fixture.change(Change::Scopes("calls:read".parse().unwrap()));
    assert_eq!(fixture.reason(&principal), Some(Reason::Superseded));

    let principal = fixture.principal();
    fixture.change(Change::Revoke { reason: None });
    assert_eq!(fixture.reason(&principal), Some(Reason::CredentialRevoked));
}

#[test]
fn principal_is_rejected_again_once_its_credential_has_expired() {
    let fixture = Fixture::new();
    let principal = fixture.principal();
    let order = std::sync::atomic::Ordering::SeqCst;
    fixture.clock.0.store(59_999, order);
    assert_eq!(fixture.reason(&principal), None);
    fixture.clock.0.store(60_000, order);
    assert_eq!(fixture.reason(&principal), Some(Reason::CredentialExpired));
}

#[test]
fn principal_of_another_authenticator_is_misconfigured() {
    let fixture = Fixture::new();
    let rejection = fixture
        .authenticator
        .revalidate(&Fixture::new().principal())
        .unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::Misconfigured);
}

#[test]
fn credentials_in_a_body_are_challenged_without_a_prompt_of_browsers() {
    let fixture = Fixture::new();
    let credentials = Credentials::key(Secret::from("cs_unknown".to_owned()));
    let authentication = fixture
        .authenticator
        .authenticate(credentials, &RequestHead::empty());
    let rejected = poll_once(authentication).unwrap_err();
    let missing = fixture.authenticator.missing_credentials_in_body();
    for rejection in [rejected, missing] {
        let challenges = rejection.challenges();
        assert_eq!(challenges, [r#"Credentials realm="countersign""#]);
    }
    let in_headers = fixture
        .authenticator
        .missing_credentials(&RequestHead::empty());
    assert_eq!(in_headers.challenges(), [r#"ApiKey realm="countersign""#]);
}

#[test]
#[should_panic(expected = "polled after completion")]
fn authentication_that_is_polled_after_completion_panics() {
    let authenticator = Authenticator::builder()
        .mechanism(Scripted::default())
        .build()
        .unwrap();
    let request = Request::builder()
        .header("x-test", "good")
        .body(())
        .unwrap();
    let head = RequestHead::new(&request);
    let credentials = authenticator.find_credentials(&head).unwrap().unwrap();
    let mut authentication = task::spawn(authenticator.authenticate(credentials, &head));
    assert!(matches!(authentication.poll(), Poll::Ready(Ok(_))));
    let _ = authentication.poll();
}

#[test]
fn keys_are_read_from_the_chosen_header_and_not_from_the_default_one() {
    let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
    let keys = ApiKeys::new(Arc::new(MemoryDirectory::default()), peppers);
    let keys = keys.header(http::HeaderName::from_static("x-acme-key"));
    let authenticator = Authenticator::builder().primary(keys).build().unwrap();
    let find = |name: &str, value: &str| {
        let request = Request::builder().header(name, value).body(()).unwrap();
        let found = authenticator.find_credentials(&RequestHead::new(&request));
        found
            .unwrap()
            .map(|credentials| credentials.expose().to_vec())
    };
    assert_eq!(find("x-acme-key", "cs_k"), Some(b"cs_k".to_vec()));
    assert_eq!(find("authorization", "ApiKey cs_k"), Some(b"cs_k".to_vec()));
    assert_eq!(find("x-api-key", "cs_k"), None);
}
