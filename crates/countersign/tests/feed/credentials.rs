//! API keys in the feed.

use std::time::Duration;

use countersign::auth::Authenticator;
use countersign::credentials::{Credentials, RequestHead};
use countersign::directory::{Credential, Directory as _, Status};
use countersign::feed::{Feed, FeedError, FeedMessage, Refusal};
use countersign::key::{ImportedKey, IssuedKey, Pepper, Peppers};
use countersign::principal::Principal;
use countersign::random::SystemRandom;
use countersign::registry::backend::StoredSecret;
use countersign::rejection::Reason;
use countersign::time::{Clock as _, SystemClock};
use countersign::{Id, Secret};

use crate::issuer::{
    BOUND, Change, SECOND, TestFeedIssuer, credential, failure, far, id, until, verifier, verify,
};

const ACCOUNT: Id = Id::from_bytes([77; 20]);

fn pepper(version: u32) -> Pepper {
    Pepper::new(version, &[u8::try_from(version).unwrap(); 32]).unwrap()
}

/// Returns a key with a digest of this pepper.
fn key(byte: u8, version: u32) -> (Credential, IssuedKey) {
    let peppers = Peppers::new(pepper(version), []);
    let issued = peppers.generate_key(&id(byte), &SystemRandom).unwrap();
    let digests = peppers.digests(&id(byte), issued.secret.expose());
    let scopes = "calls:read".parse().unwrap();
    let key = Credential::new(id(byte), ACCOUNT, scopes, StoredSecret::Key(digests));
    (key, issued)
}

/// A verifier of API keys, and an issuer with the key 1.
struct Fixture {
    issuer: TestFeedIssuer,
    feed: Feed,
    keys: Authenticator,
    key: Credential,
    issued: IssuedKey,
}

impl Fixture {
    async fn new() -> Self {
        let issuer = TestFeedIssuer::new();
        issuer.set_peppers(vec![pepper(1)]);
        let (key, issued) = key(1, 1);
        issuer.append(Change::Key(Box::new(key.clone())));
        let feed = connect(&issuer);
        feed.ready().await;
        let keys = Authenticator::builder().primary(feed.api_keys());
        Self {
            keys: keys.build().unwrap(),
            issuer,
            feed,
            key,
            issued,
        }
    }

    /// Changes the key, and waits until the verifier knows.
    async fn put(&self, change: impl FnOnce(&mut Credential)) {
        let mut key = self.key.clone();
        change(&mut key);
        self.append(Change::Key(Box::new(key))).await;
    }

    async fn append(&self, change: Change) {
        let next = self.feed.status().applied.unwrap() + 1;
        self.issuer.append(change);
        until(|| self.feed.status().applied == Some(next)).await;
    }

    async fn present(&self, key: &IssuedKey) -> Result<Principal, Reason> {
        authenticate(&self.keys, Credentials::key(key.key.clone())).await
    }

    /// Returns why the key is rejected.
    async fn reason(&self) -> Reason {
        self.present(&self.issued).await.unwrap_err()
    }
}

fn connect(issuer: &TestFeedIssuer) -> Feed {
    let feed = issuer.feed().credentials();
    feed.connect(&credential()).unwrap()
}

async fn authenticate(
    authenticator: &Authenticator,
    credentials: Credentials,
) -> Result<Principal, Reason> {
    let authenticated = authenticator.authenticate(credentials, &RequestHead::empty());
    authenticated.await.map_err(|rejection| rejection.reason())
}

#[tokio::test(start_paused = true)]
async fn key_is_authenticated_until_it_is_revoked() {
    let fixture = Fixture::new().await;
    let principal = fixture.present(&fixture.issued).await.unwrap();
    assert_eq!(principal.credential_id(), Some(&id(1)));
    assert_eq!(principal.account(), Some(&ACCOUNT));
    assert_eq!(principal.scopes().to_string(), "calls:read");
    assert_eq!(fixture.keys.revalidate(&principal).map_err(|_| ()), Ok(()));

    fixture.put(|key| key.status = Status::Suspended).await;
    assert_eq!(fixture.reason().await, Reason::CredentialSuspended);
    fixture.put(|key| key.generation = 2).await;
    assert!(fixture.present(&fixture.issued).await.is_ok());
    let rejection = fixture.keys.revalidate(&principal).unwrap_err();
    assert_eq!(rejection.reason(), Reason::Superseded);
    fixture.put(|key| key.status = Status::Revoked).await;
    assert_eq!(fixture.reason().await, Reason::CredentialRevoked);
    fixture.append(Change::RemovedKey(id(1))).await;
    assert_eq!(fixture.reason().await, Reason::CredentialUnknown);
    assert_eq!(fixture.feed.status().credentials, 0);
}

#[tokio::test(start_paused = true)]
async fn key_that_is_created_later_is_accepted() {
    let fixture = Fixture::new().await;
    let (later, issued) = key(2, 1);
    let unknown = fixture.present(&issued).await;
    assert_eq!(unknown.unwrap_err(), Reason::CredentialUnknown);
    fixture.append(Change::Key(Box::new(later))).await;
    assert!(fixture.present(&issued).await.is_ok());
    assert_eq!(fixture.feed.status().credentials, 2);
}

#[tokio::test(start_paused = true)]
async fn every_property_of_a_key_can_change() {
    let fixture = Fixture::new().await;
    let scopes = "wallet:*".parse().unwrap();
    fixture.put(|key| key.scopes = scopes).await;
    let principal = fixture.present(&fixture.issued).await.unwrap();
    assert_eq!(principal.scopes().to_string(), "wallet:*");
    let networks = "192.0.2.0/24".parse().unwrap();
    fixture.put(|key| key.allow_from = networks).await;
    assert_eq!(fixture.reason().await, Reason::AddressNotAllowed);
    fixture.put(|key| key.expires_at = Some(far())).await;
    assert!(fixture.present(&fixture.issued).await.is_ok());
    let now = SystemClock.now();
    fixture.put(|key| key.expires_at = Some(now)).await;
    assert_eq!(fixture.reason().await, Reason::CredentialExpired);
    let (rotated, issued) = key(1, 1);
    fixture.put(|key| key.secret = rotated.secret).await;
    assert_eq!(fixture.reason().await, Reason::SecretWrong);
    assert!(fixture.present(&issued).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn keys_of_a_revoked_account_are_rejected() {
    let fixture = Fixture::new().await;
    let revoked = Change::Account(ACCOUNT, 2, Status::Revoked);
    fixture.append(revoked).await;
    assert_eq!(fixture.reason().await, Reason::CredentialRevoked);
}

#[tokio::test(start_paused = true)]
async fn imported_key_is_found_by_its_whole_text() {
    let fixture = Fixture::new().await;
    let text = "sk_live_0123456789abcdef";
    let own = Peppers::new(pepper(1), []);
    let digest = own.imported(&ImportedKey::of(text.as_bytes()))[0];
    let scopes = "calls:read".parse().unwrap();
    let imported = Credential::new(id(3), ACCOUNT, scopes, StoredSecret::ImportedKey(digest));
    fixture.append(Change::Key(Box::new(imported))).await;
    let keys = fixture.feed.api_keys().imported();
    let keys = Authenticator::builder().primary(keys).build().unwrap();
    let present = |text: &str| authenticate(&keys, Credentials::key(text.to_owned().into()));
    let principal = present(text).await.unwrap();
    assert_eq!(principal.credential_id(), Some(&id(3)));
    let wrong = present("sk_live_0123456789abcdeg").await;
    assert_eq!(wrong.unwrap_err(), Reason::KeyMalformed);
}

#[tokio::test(start_paused = true)]
async fn id_and_secret_are_authenticated_and_a_name_and_password_cannot_be() {
    let fixture = Fixture::new().await;
    let basic = Authenticator::builder().primary(fixture.feed.basic());
    let basic = basic.build().unwrap();
    let client = Credentials::client(id(1).to_string().into(), fixture.issued.secret.clone());
    assert!(authenticate(&basic, client).await.is_ok());
    let user = Credentials::user("ada".to_owned().into(), "password".to_owned().into());
    let undecided = authenticate(&basic, user).await;
    assert_eq!(undecided.unwrap_err(), Reason::UsersUnavailable);
}

#[tokio::test(start_paused = true)]
async fn key_is_decided_on_only_while_the_view_is_fresh() {
    let fixture = Fixture::new().await;
    fixture.issuer.set_up(false);
    failure(&fixture.feed).await;
    let last = BOUND - Duration::from_millis(1);
    fixture.issuer.clock().advance(last);
    assert!(fixture.present(&fixture.issued).await.is_ok());
    fixture.issuer.clock().advance(SECOND);
    assert_eq!(fixture.reason().await, Reason::DirectoryStale);
    let restarted = connect(&fixture.issuer);
    let keys = Authenticator::builder().primary(restarted.api_keys());
    let undecided = Credentials::key(fixture.issued.key.clone());
    let undecided = authenticate(&keys.build().unwrap(), undecided).await;
    assert_eq!(undecided.unwrap_err(), Reason::DirectoryStale);
}

#[tokio::test(start_paused = true)]
async fn feed_without_keys_decides_on_none() {
    let fixture = Fixture::new().await;
    let feed = fixture.issuer.ready().await;
    let keys = Authenticator::builder().primary(feed.api_keys());
    let keys = keys.build().unwrap();
    let presented = Credentials::key(fixture.issued.key.clone());
    let undecided = authenticate(&keys, presented).await;
    assert_eq!(undecided.unwrap_err(), Reason::DirectoryStale);
    assert_eq!(feed.status().credentials, 0);
}

#[tokio::test(start_paused = true)]
async fn tokens_are_verified_with_the_same_feed() {
    let fixture = Fixture::new().await;
    let (jwt, token) = (verifier(&fixture.feed), fixture.issuer.token(id(1)));
    assert_eq!(verify(&jwt, &token), Ok(()));
    fixture.issuer.revoke(id(1));
    until(|| verify(&jwt, &token) == Err(Reason::Superseded)).await;
    assert!(fixture.feed.credential(&id(1)).is_some());
}

#[tokio::test(start_paused = true)]
async fn whole_state_replaces_the_keys() {
    let fixture = Fixture::new().await;
    let (other, issued) = key(2, 1);
    fixture
        .issuer
        .restore("h2", vec![Change::Key(Box::new(other))]);
    until(|| fixture.feed.credential(&id(2)).is_some()).await;
    assert!(fixture.present(&issued).await.is_ok());
    assert_eq!(fixture.reason().await, Reason::CredentialUnknown);
}

#[tokio::test(start_paused = true)]
async fn pepper_arrives_with_the_first_key_that_needs_it_and_older_ones_stay() {
    let fixture = Fixture::new().await;
    let (later, issued) = key(2, 2);
    fixture.issuer.set_peppers(vec![pepper(2)]);
    fixture.append(Change::Key(Box::new(later))).await;
    assert!(fixture.present(&issued).await.is_ok());
    assert!(fixture.present(&fixture.issued).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn key_whose_pepper_is_missing_is_not_decided_on() {
    let fixture = Fixture::new().await;
    let (later, issued) = key(2, 2);
    fixture.append(Change::Key(Box::new(later))).await;
    let undecided = fixture.present(&issued).await;
    assert_eq!(undecided.unwrap_err(), Reason::PepperMissing);
    assert!(fixture.present(&fixture.issued).await.is_ok());
}

/// Changes the next answer of an issuer, and returns why it was rejected. The key that was known must still be.
async fn rejected(edit: impl Fn(FeedMessage) -> FeedMessage + Send + 'static) -> FeedError {
    let fixture = Fixture::new().await;
    fixture.issuer.edit(edit);
    let (other, _) = key(2, 1);
    fixture.issuer.append(Change::Key(Box::new(other)));
    let error = failure(&fixture.feed).await;
    assert!(fixture.present(&fixture.issued).await.is_ok());
    assert!(fixture.feed.credential(&id(2)).is_none());
    error
}

#[tokio::test(start_paused = true)]
async fn answer_without_keys_is_rejected_if_they_were_asked_for() {
    let error = rejected(|mut message| {
        message.credentials = None;
        message
    });
    assert_eq!(error.await, Refusal::NoCredentials.into());
}

#[tokio::test(start_paused = true)]
async fn answer_with_keys_is_rejected_if_they_were_not_asked_for() {
    let issuer = TestFeedIssuer::new();
    let feed = issuer.ready().await;
    issuer.edit(|mut message| {
        message.credentials = Some(Default::default());
        message
    });
    issuer.revoke(id(1));
    let error = failure(&feed).await;
    assert_eq!(error, Refusal::UnexpectedCredentials.into());
    assert_eq!(feed.lowest_generation(&id(1)), None);
}

#[tokio::test(start_paused = true)]
async fn keys_of_another_database_or_of_earlier_are_rejected() {
    let error = rejected(|mut message| {
        message.cluster = id(8);
        message
    });
    assert_eq!(error.await, Refusal::OtherCluster.into());
    let error = rejected(|mut message| {
        (message.after, message.head) = (None, 0);
        message
    });
    assert_eq!(error.await, Refusal::Older.into());
}

#[tokio::test(start_paused = true)]
async fn keys_that_were_changed_or_cut_are_rejected() {
    let changed = |mut bytes: Vec<u8>| {
        let end = bytes.len() - 3;
        bytes[end] = if bytes[end] == b'A' { b'B' } else { b'A' };
        bytes
    };
    let cut = |mut bytes: Vec<u8>| {
        bytes.truncate(bytes.len() - 1);
        bytes
    };
    for edit in [changed as fn(Vec<u8>) -> Vec<u8>, cut] {
        let fixture = Fixture::new().await;
        fixture.issuer.edit_bytes(edit);
        fixture.issuer.append(Change::RemovedKey(id(1)));
        let error = failure(&fixture.feed).await;
        assert_eq!(error, Refusal::Truncated.into());
        assert!(fixture.present(&fixture.issued).await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn more_keys_than_permitted_are_rejected() {
    let issuer = TestFeedIssuer::new();
    issuer.set_peppers(vec![pepper(1)]);
    let append = |byte| issuer.append(Change::Key(Box::new(key(byte, 1).0)));
    append(1);
    let feed = issuer.feed().credentials().max_credentials(1);
    let feed = feed.connect(&credential()).unwrap();
    feed.ready().await;
    append(2);
    let too_many = FeedError::from(Refusal::TooManyCredentials);
    assert_eq!(failure(&feed).await, too_many);
    assert_eq!(feed.status().credentials, 1);

    let feed = issuer.feed().credentials().max_credentials(1);
    let feed = feed.connect(&credential()).unwrap();
    assert_eq!(failure(&feed).await, too_many);
    assert!(!feed.is_ready());
}

#[tokio::test(start_paused = true)]
async fn nothing_that_is_printed_contains_a_digest_or_a_pepper() {
    let fixture = Fixture::new().await;
    fixture.issuer.edit(|message| {
        let printed = format!("{message:?}");
        assert!(printed.contains("Pepper(version 1)"), "{printed}");
        assert!(!printed.contains("1, 1, 1"), "{printed}");
        assert!(printed.contains("Key([redacted])"), "{printed}");
        message
    });
    fixture.put(|key| key.generation = 2).await;
    let printed = format!("{:?} {:?}", fixture.feed, fixture.feed.api_keys());
    assert!(!printed.contains("1, 1, 1"), "{printed}");
    let builder = fixture.issuer.feed().credentials();
    let secret = Secret::from("cs_key".to_owned());
    assert!(!format!("{builder:?}").contains(secret.expose()));
}
