//! Credentials of every kind and state, and the layer that authenticates them.

use std::sync::Arc;
use std::time::Duration;

use countersign::Secret;
use countersign::auth::{AuthLayer, Authenticator, AuthenticatorBuilder};
use countersign::credentials::{Credentials, RequestHead};
use countersign::directory::Directory;
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
use countersign_tests::CountingDirectory;
use http::Request;
use http_body_util::Full;
use hyper::body::Bytes;

pub const NOW: Timestamp = Timestamp::from_unix_seconds(1_773_576_000);
/// The name of the cookie.
pub const COOKIE: &str = "__Host-token";
const URL: &str = "https://auth.example";

pub struct Fixture {
    pub key: CreatedKey,
    pub other: CreatedKey,
    pub revoked: CreatedKey,
    pub expired: CreatedKey,
    pub token: String,
    pub token_of_revoked: String,
    pub clock: FixedClock,
    pub directory: Arc<CountingDirectory>,
    /// Whether the layer also accepts tokens in the cookie [`COOKIE`].
    pub accepts_cookies: bool,
    peppers: Peppers,
    hasher: PasswordHasher,
    issuer: Issuer,
}

impl Fixture {
    fn shared_directory(&self) -> Arc<dyn Directory> {
        self.directory.clone()
    }

    pub async fn new() -> Self {
        let clock = FixedClock::at(NOW);
        let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
        let directory = Arc::new(CountingDirectory::default());
        let registry = MemoryRegistry::new(
            Arc::clone(&directory.table),
            peppers.clone(),
            clock.clone(),
            SystemRandom,
        )
        .unwrap();
        let hasher = PasswordHasher::new(2, SystemRandom).unwrap();

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
                hasher.hash(password).unwrap(),
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
            hasher.hash(&password).unwrap(),
            "calls:read".parse().unwrap(),
        );
        registry.create_user(&caller, long).await.unwrap();

        let issuer = Issuer::builder(URL)
            .signing_key(SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap())
            .build()
            .unwrap();
        let mut fixture = Self {
            key,
            other,
            revoked,
            expired,
            token: String::new(),
            token_of_revoked: String::new(),
            clock,
            directory,
            accepts_cookies: false,
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
            .primary(ApiKeys::new(self.shared_directory(), self.peppers.clone()))
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

    pub fn builder(&self) -> AuthenticatorBuilder<AuthLayer> {
        let directory = || self.shared_directory();
        let trusted = self
            .issuer
            .trusted()
            .directory(directory())
            .build()
            .unwrap();
        let jwt = Jwt::new([trusted]);
        let builder = AuthLayer::builder().mechanism(jwt.clone());
        let builder = match self.accepts_cookies {
            true => builder.mechanism(jwt.in_cookie(COOKIE.parse().unwrap())),
            false => builder,
        };
        builder
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
