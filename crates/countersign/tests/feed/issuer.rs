//! An issuer whose answers the tests determine.

use std::collections::HashMap;
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::directory::{Credential, Denial, Status};
use countersign::feed::{
    CREDENTIALS_PATH, Feed, FeedBuilder, FeedCredentials, FeedError, FeedMessage, KEYS_PATH, PATH,
};
use countersign::jose::{Algorithm, SigningKey};
use countersign::key::Pepper;
use countersign::mechanism::Jwt;
use countersign::mint::{Issuer, Mint, MintParameters, MintRequest};
use countersign::random::SystemRandom;
use countersign::rejection::Reason;
use countersign::remote::{Fetch, FetchedBody};
use countersign::time::{BootClock, Clock as _, SystemClock, Timestamp};
use countersign::{BoxFuture, Id, PrimaryPrincipal, Secret};
use http::{Request, Response, StatusCode};
use tokio::sync::Notify;

pub(crate) const URL: &str = "https://auth.example";
pub(crate) const CLUSTER: Id = Id::from_bytes([9; 20]);
pub(crate) const BOUND: Duration = Duration::from_secs(5);
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// A monotonic clock that the test moves.
#[derive(Clone, Default)]
pub(crate) struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    pub(crate) fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap();
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl BootClock for ManualClock {
    fn since_boot(&self) -> Duration {
        // The machine was started a while ago.
        Duration::from_millis(1_000_000 + self.0.load(Ordering::SeqCst))
    }
}

type Edit = Box<dyn Fn(FeedMessage) -> FeedMessage + Send>;
type EditBytes = Box<dyn Fn(Vec<u8>) -> Vec<u8> + Send>;

/// An issuer, its log, and its feed. Clones share it.
#[derive(Clone)]
pub(crate) struct TestFeedIssuer(Arc<Inner>);

struct Inner {
    issuer: Issuer,
    feed_key: SigningKey,
    state: Mutex<State>,
    changed: Notify,
    pub(crate) clock: ManualClock,
}

/// A change in the log.
#[derive(Clone)]
pub(crate) enum Change {
    Denial(Denial),
    Key(Box<Credential>),
    RemovedKey(Id),
    Account(Id, u32, Status),
}

struct State {
    history: &'static str,
    /// The changes in their order: the number of a change is its place, from 1 on.
    log: Vec<Change>,
    peppers: Vec<Pepper>,
    /// The number of changes that the log no longer has.
    compacted: u64,
    age: Duration,
    account: Option<Id>,
    max_staleness: Duration,
    /// Whether questions are answered.
    is_up: bool,
    edit: Edit,
    edit_bytes: EditBytes,
    questions: u64,
    key_fetches: u64,
    published: Option<SigningKey>,
    /// How much time passes on the clock while a question is answered.
    takes: Duration,
}

impl TestFeedIssuer {
    pub(crate) fn new() -> Self {
        let key = || SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap();
        let issuer = Issuer::builder(URL).signing_key(key()).build().unwrap();
        let state = State {
            history: "h1",
            log: Vec::new(),
            peppers: Vec::new(),
            compacted: 0,
            age: Duration::ZERO,
            account: None,
            max_staleness: BOUND,
            is_up: true,
            edit: Box::new(|message| message),
            edit_bytes: Box::new(|bytes| bytes),
            questions: 0,
            key_fetches: 0,
            published: None,
            takes: Duration::ZERO,
        };
        Self(Arc::new(Inner {
            issuer,
            feed_key: key(),
            state: Mutex::new(state),
            changed: Notify::new(),
            clock: ManualClock::default(),
        }))
    }

    fn change(&self, f: impl FnOnce(&mut State)) {
        f(&mut self.0.state.lock().unwrap());
        self.0.changed.notify_waiters();
    }

    pub(crate) fn clock(&self) -> &ManualClock {
        &self.0.clock
    }

    pub(crate) fn feed_key(&self) -> &SigningKey {
        &self.0.feed_key
    }

    pub(crate) fn token_issuer(&self) -> &Issuer {
        &self.0.issuer
    }

    /// Appends a change to the log.
    pub(crate) fn deny(&self, denial: Denial) {
        self.append(Change::Denial(denial));
    }

    pub(crate) fn append(&self, change: Change) {
        self.change(|state| state.log.push(change));
    }

    /// Sets the peppers that are in each answer with API keys.
    pub(crate) fn set_peppers(&self, peppers: Vec<Pepper>) {
        self.change(|state| state.peppers = peppers);
    }

    /// Revokes a credential of generation 1.
    pub(crate) fn revoke(&self, entity: Id) {
        let until = SystemClock.now().plus(Duration::from_secs(3600));
        self.deny(Denial::Below {
            entity,
            lowest: 2,
            until,
        });
    }

    /// Begins another history, with this log.
    pub(crate) fn restore(&self, history: &'static str, log: Vec<Change>) {
        self.change(|state| (state.history, state.log) = (history, log));
    }

    /// Forgets the changes in the log, but not what they changed.
    pub(crate) fn compact(&self) {
        self.change(|state| state.compacted = u64::try_from(state.log.len()).unwrap());
    }

    pub(crate) fn set_age(&self, age: Duration) {
        self.change(|state| state.age = age);
    }

    pub(crate) fn set_max_staleness(&self, max_staleness: Duration) {
        self.change(|state| state.max_staleness = max_staleness);
    }

    pub(crate) fn set_account(&self, account: Id) {
        self.change(|state| state.account = Some(account));
    }

    pub(crate) fn set_up(&self, is_up: bool) {
        self.change(|state| state.is_up = is_up);
    }

    pub(crate) fn takes(&self, time: Duration) {
        self.change(|state| state.takes = time);
    }

    /// Publishes another key than the one that signs the feed.
    pub(crate) fn publish(&self, key: SigningKey) {
        self.change(|state| state.published = Some(key));
    }

    /// Changes answers before they are signed.
    pub(crate) fn edit(&self, edit: impl Fn(FeedMessage) -> FeedMessage + Send + 'static) {
        self.change(|state| state.edit = Box::new(edit));
    }

    /// Changes answers after they were signed.
    pub(crate) fn edit_bytes(&self, edit: impl Fn(Vec<u8>) -> Vec<u8> + Send + 'static) {
        self.change(|state| state.edit_bytes = Box::new(edit));
    }

    pub(crate) fn questions(&self) -> u64 {
        self.0.state.lock().unwrap().questions
    }

    pub(crate) fn key_fetches(&self) -> u64 {
        self.0.state.lock().unwrap().key_fetches
    }

    pub(crate) fn feed(&self) -> FeedBuilder {
        Feed::builder(URL)
            .client(self.clone())
            .clock(self.0.clock.clone())
            .max_staleness(BOUND)
    }

    /// Starts a verifier.
    pub(crate) fn connect(&self) -> Feed {
        self.feed().connect(&credential()).unwrap()
    }

    /// Starts a verifier, and waits until it is ready.
    pub(crate) async fn ready(&self) -> Feed {
        let feed = self.connect();
        feed.ready().await;
        feed
    }

    /// Mints a token of a credential of generation 1.
    pub(crate) fn token(&self, credential: Id) -> String {
        let principal = PrimaryPrincipal::for_test(credential, "calls:read".parse().unwrap());
        let mint = Mint::new(self.0.issuer.clone(), SystemClock, SystemRandom);
        let request = MintRequest::new(principal, MintParameters::default());
        mint.mint(&request).unwrap().token.expose().to_owned()
    }

    async fn answer(
        &self,
        request: Request<Vec<u8>>,
        body: &mut FetchedBody,
    ) -> Result<Response<()>, Box<dyn Error + Send + Sync>> {
        let path = request.uri().path();
        if path == KEYS_PATH {
            let key = {
                let mut state = self.0.state.lock().unwrap();
                state.key_fetches += 1;
                state.published.clone().unwrap_or(self.0.feed_key.clone())
            };
            let jwks = format!(r#"{{"keys":[{}]}}"#, key.public_jwk().unwrap());
            body.push(jwks.as_bytes())?;
            return Ok(Response::new(()));
        }
        let with_keys = path == CREDENTIALS_PATH;
        assert!(with_keys || path == PATH, "{path}");
        assert_eq!(request.headers()["x-api-key"], "cs_key");
        let query = request.uri().query().unwrap().split('&');
        let query: HashMap<_, _> = query.map(|pair| pair.split_once('=').unwrap()).collect();
        let cursor = query.get("history").copied();
        let cursor = cursor.map(|history| (history, query["after"].parse::<u64>().unwrap()));
        let wait = Duration::from_millis(query["wait_ms"].parse().unwrap());
        self.0.state.lock().unwrap().questions += 1;
        if self.is_current(cursor) {
            let _ = tokio::time::timeout(wait, self.0.changed.notified()).await;
        }
        let state = self.0.state.lock().unwrap();
        self.0.clock.advance(state.takes);
        if !state.is_up {
            let mut response = Response::new(());
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            return Ok(response);
        }
        let mut message = self.message(&state, cursor, query["nonce"]);
        if with_keys {
            let from = usize::try_from(message.after.unwrap_or(0)).unwrap();
            let mut keys = keys(&state.log[from..]);
            keys.peppers.clone_from(&state.peppers);
            message.credentials = Some(keys);
        }
        let message = (state.edit)(message);
        let bytes = (state.edit_bytes)(message.sign(&self.0.feed_key).unwrap().to_vec());
        body.push(&bytes)?;
        Ok(Response::new(()))
    }

    fn is_current(&self, cursor: Option<(&str, u64)>) -> bool {
        let state = self.0.state.lock().unwrap();
        let head = u64::try_from(state.log.len()).unwrap();
        cursor == Some((state.history, head))
    }

    fn message(&self, state: &State, cursor: Option<(&str, u64)>, nonce: &str) -> FeedMessage {
        let head = u64::try_from(state.log.len()).unwrap();
        let cursor = cursor.filter(|(history, after)| {
            *history == state.history && (state.compacted..=head).contains(after)
        });
        let after = cursor.map(|(_, after)| after);
        let from = usize::try_from(after.unwrap_or(0)).unwrap();
        let mut message = FeedMessage::new(URL, CLUSTER, state.history);
        message.after = after;
        message.head = head;
        message.age = state.age;
        message.max_staleness = state.max_staleness;
        message.account = state.account;
        message.nonce = nonce.into();
        message.jwks = self.0.issuer.jwks();
        let denials = state.log[from..].iter().filter_map(|change| match change {
            Change::Denial(denial) => Some(denial.clone()),
            _ => None,
        });
        message.denials = denials.collect();
        message
    }
}

/// Returns the keys after some changes.
fn keys(changes: &[Change]) -> FeedCredentials {
    let mut keys = FeedCredentials::default();
    for change in changes {
        match change {
            Change::Key(key) => {
                keys.keys.retain(|known| known.id != key.id);
                keys.keys.push((**key).clone());
            }
            Change::RemovedKey(id) => {
                keys.keys.retain(|known| known.id != *id);
                keys.removed.push(*id);
            }
            Change::Account(id, generation, status) => {
                keys.accounts.push((*id, *generation, *status));
            }
            Change::Denial(_) => {}
        }
    }
    keys
}

impl Fetch for TestFeedIssuer {
    fn send<'a>(
        &'a self,
        request: Request<Vec<u8>>,
        body: &'a mut FetchedBody,
    ) -> BoxFuture<'a, Result<Response<()>, Box<dyn Error + Send + Sync>>> {
        Box::pin(self.answer(request, body))
    }
}

pub(crate) fn credential() -> Secret {
    Secret::from("cs_key".to_owned())
}

pub(crate) fn id(byte: u8) -> Id {
    Id::from_bytes([byte; 20])
}

pub(crate) fn far() -> Timestamp {
    Timestamp::from_unix_seconds(4_000_000_000)
}

/// Waits until a condition holds. The timer is paused: it advances when nothing else can run.
pub(crate) async fn until(mut condition: impl FnMut() -> bool) {
    for _ in 0..100_000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("the condition never held");
}

/// Waits until a question has failed, and returns why.
pub(crate) async fn failure(feed: &Feed) -> FeedError {
    until(|| feed.status().last_error.is_some()).await;
    feed.status().last_error.unwrap()
}

pub(crate) fn verifier(feed: &Feed) -> Jwt {
    Jwt::new([feed.trusted().audience(URL).build().unwrap()])
}

/// Returns why a token is rejected, or that it is accepted.
pub(crate) fn verify(jwt: &Jwt, token: &str) -> Result<(), Reason> {
    jwt.introspect(token, SystemClock.now()).map(drop)
}
