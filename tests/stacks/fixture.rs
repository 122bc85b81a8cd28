//! Credentials of every kind and state, and the layer that authenticates them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use countersign::auth::{AuthLayer, AuthLayerBuilder, Authenticator};
use countersign::credentials::{Credentials, RequestHead};
use countersign::directory::{Credential, Directory, MemoryDirectory, StaleView, UserName};
use countersign::jose::{Algorithm, SigningKey};
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::password::PasswordHasher;
use countersign::mechanism::{ApiKeys, Basic, Jwt};
use countersign::mint::{Issuer, Mint, MintParameters, MintRequest};
use countersign::random::SystemRandom;
use countersign::registry::{
    Caller, Change, CreatedKey, MemoryRegistry, NewKey, NewUser, Registry,
};
use countersign::testing::FixedClock;
use countersign::time::Timestamp;
use countersign::{Id, Secret};
use http::Request;
use http_body_util::Full;
use hyper::body::Bytes;

pub const NOW: Timestamp = Timestamp::from_unix_seconds(1_773_576_000);
const URL: &str = "https://auth.example";

/// Counts the look-ups in a directory, and can make it stale.
#[derive(Default)]
pub struct LookUps {
    count: AtomicU64,
    stale: AtomicBool,
}

impl LookUps {
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }

    pub fn go_stale(&self) {
        self.stale.store(true, Ordering::SeqCst);
    }

    fn increment(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
    }
}

/// A directory that counts its look-ups.
struct CountingDirectory(Arc<MemoryDirectory>, Arc<LookUps>);

impl Directory for CountingDirectory {
    fn credential(&self, id: &Id) -> Option<Credential> {
        self.1.increment();
        self.0.credential(id)
    }

    fn user(&self, name: &UserName) -> Option<Credential> {
        self.1.increment();
        self.0.user(name)
    }

    fn lowest_generation(&self, entity: &Id) -> Option<u32> {
        self.0.lowest_generation(entity)
    }

    fn is_denied(&self, issuer: &str, token: &Id) -> bool {
        self.0.is_denied(issuer, token)
    }

    fn check_freshness(&self) -> Result<(), StaleView> {
        if self.1.stale.load(Ordering::SeqCst) {
            Err(StaleView)
        } else {
            Ok(())
        }
    }
}

pub struct Fixture {
    pub look_ups: Arc<LookUps>,
    pub key: CreatedKey,
    pub other: CreatedKey,
    pub revoked: CreatedKey,
    pub expired: CreatedKey,
    pub token: String,
    pub token_of_revoked: String,
    pub clock: FixedClock,
    directory: Arc<dyn Directory>,
    peppers: Peppers,
    hasher: PasswordHasher,
    issuer: Issuer,
}

impl Fixture {
    pub async fn new() -> Self {
        let clock = FixedClock::at(NOW);
        let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
        let table = Arc::new(MemoryDirectory::default());
        let registry = MemoryRegistry::new(
            Arc::clone(&table),
            peppers.clone(),
            clock.clone(),
            SystemRandom,
        )
        .unwrap();
        let look_ups = Arc::new(LookUps::default());
        let directory: Arc<dyn Directory> =
            Arc::new(CountingDirectory(table, Arc::clone(&look_ups)));
        let hasher = PasswordHasher::new(2, &SystemRandom).unwrap();

        let caller = Caller::operator("test");
        let revoke = || Change::Revoke { reason: None };
        let new = || NewKey::new("test", "calls:read".parse().unwrap());
        let key = registry.create_key(&caller, new()).await.unwrap();
        let other = registry.create_key(&caller, new()).await.unwrap();
        let revoked = registry.create_key(&caller, new()).await.unwrap();
        let soon = NOW.plus(Duration::from_secs(1));
        let expired = registry
            .create_key(&caller, new().expires_at(soon))
            .await
            .unwrap();
        // RFC 7617 §2.1: user-id "test", password "123£".
        for (name, password) in [("test", "123£"), ("colon", "p:w:"), ("revoked", "right")] {
            let user = NewUser::new(
                name.parse().unwrap(),
                hasher.hash(password, &SystemRandom).unwrap(),
                "calls:read".parse().unwrap(),
            );
            let record = registry.create_user(&caller, user).await.unwrap();
            if name == "revoked" {
                registry.change(&caller, record.id, revoke()).await.unwrap();
            }
        }
        let password = format!("{}a", "x".repeat(72));
        let long = NewUser::new(
            "long".parse().unwrap(),
            hasher.hash(&password, &SystemRandom).unwrap(),
            "calls:read".parse().unwrap(),
        );
        registry.create_user(&caller, long).await.unwrap();

        let issuer = Issuer::builder(URL)
            .signing_key(SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap())
            .build()
            .unwrap();
        let mut fixture = Self {
            look_ups,
            key,
            other,
            revoked,
            expired,
            token: String::new(),
            token_of_revoked: String::new(),
            clock,
            directory,
            peppers,
            hasher,
            issuer,
        };
        fixture.token = fixture.mint(&fixture.key).await;
        fixture.token_of_revoked = fixture.mint(&fixture.revoked).await;
        registry
            .change(&caller, fixture.revoked.record.id, revoke())
            .await
            .unwrap();
        fixture.clock.advance(Duration::from_secs(2));
        fixture
    }

    async fn mint(&self, key: &CreatedKey) -> String {
        let authenticator = Authenticator::builder()
            .primary(ApiKeys::new(
                Arc::clone(&self.directory),
                self.peppers.clone(),
            ))
            .clock(self.clock.clone())
            .build()
            .unwrap();
        let credentials = Credentials::key(key.issued.key.clone());
        let principal = authenticator
            .authenticate(credentials, &RequestHead::empty())
            .await
            .unwrap();
        let mint = Mint::new(self.issuer.clone(), self.clock.clone(), SystemRandom);
        let request = MintRequest::new(principal.primary().unwrap(), MintParameters::default());
        mint.mint(&request).unwrap().token.expose().to_owned()
    }

    pub fn layer(&self) -> AuthLayer {
        self.builder().build().unwrap()
    }

    pub fn builder(&self) -> AuthLayerBuilder {
        let directory = || Arc::clone(&self.directory);
        let trusted = self
            .issuer
            .trusted()
            .directory(directory())
            .build()
            .unwrap();
        AuthLayer::builder()
            .mechanism(Jwt::new([trusted]))
            .primary(ApiKeys::new(directory(), self.peppers.clone()).bearer())
            .primary(Basic::new(directory(), self.peppers.clone()).passwords(self.hasher.clone()))
            .clock(self.clock.clone())
    }
}

/// Creates a GET request with these headers in this order.
pub fn get(path: &str, headers: &[(&str, &[u8])]) -> Request<Full<Bytes>> {
    let mut request = Request::get(path).body(Full::default()).unwrap();
    for (name, value) in headers {
        let name: http::HeaderName = name.parse().unwrap();
        request
            .headers_mut()
            .append(name, http::HeaderValue::from_bytes(value).unwrap());
    }
    request
}

pub fn bearer(token: &str) -> Vec<u8> {
    format!("Bearer {token}").into_bytes()
}

pub fn basic(id: &str, secret: &str) -> Vec<u8> {
    use base64::Engine as _;
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
    format!("Basic {pair}").into_bytes()
}

pub fn text(secret: &Secret) -> &[u8] {
    secret.expose().as_bytes()
}
