//! A mint behind the `oauth` wire, with a directory that counts what it is asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use countersign::Id;
use countersign::auth::PrimaryAuthenticator;
use countersign::directory::memory::{MemoryDirectory, MemoryRegistry};
use countersign::directory::{
    Caller, Change, CreatedKey, Credential, Directory, NewKey, Registry, Stale, UserName,
};
use countersign::jose::{Algorithm, SigningKey};
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::{ApiKeys, Basic};
use countersign::mint::{Issuer, Mint, Terms};
use countersign::random::SystemRandom;
use countersign::testing::FixedClock;
use countersign::time::Timestamp;
use countersign_wire::{OAuth, TokenEndpoint};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use tower::ServiceExt as _;

pub const NOW: Timestamp = Timestamp::from_unix_seconds(1_773_576_000);
pub const URL: &str = "https://auth.example";
pub const FORM: &str = "application/x-www-form-urlencoded";
pub const GRANT: &str = "grant_type=client_credentials";

#[derive(Default)]
pub struct Counting {
    table: Arc<MemoryDirectory>,
    look_ups: AtomicU64,
    stale: AtomicBool,
}

impl Directory for Counting {
    fn credential(&self, id: &Id) -> Option<Credential> {
        self.look_ups.fetch_add(1, Ordering::SeqCst);
        self.table.credential(id)
    }

    fn user(&self, name: &UserName) -> Option<Credential> {
        self.look_ups.fetch_add(1, Ordering::SeqCst);
        self.table.user(name)
    }

    fn lowest_generation(&self, entity: &Id) -> Option<u32> {
        self.table.lowest_generation(entity)
    }

    fn is_denied(&self, issuer: &str, token: &Id) -> bool {
        self.table.is_denied(issuer, token)
    }

    fn vouch(&self) -> Result<(), Stale> {
        if self.stale.load(Ordering::SeqCst) {
            Err(Stale)
        } else {
            Ok(())
        }
    }
}

pub struct Fixture {
    pub key: CreatedKey,
    pub revoked: CreatedKey,
    pub issuer: Issuer,
    directory: Arc<Counting>,
    registry: MemoryRegistry,
    endpoint: TokenEndpoint<OAuth>,
}

/// A response, read whole.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// The headers, as lines in their order.
    pub fn head(&self) -> Vec<String> {
        let line = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            format!("{name}: {}", value.to_str().unwrap())
        };
        let mut lines: Vec<String> = self.headers.iter().map(line).collect();
        lines.sort();
        lines
    }
}

impl Fixture {
    pub async fn new() -> Self {
        let clock = FixedClock::at(NOW);
        let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
        let directory = Arc::new(Counting::default());
        let table = Arc::clone(&directory.table);
        let registry =
            MemoryRegistry::new(table, peppers.clone(), clock.clone(), SystemRandom).unwrap();
        let me = Caller::operator("test");
        let revoke = Change::Revoke { reason: None };
        let new = || NewKey::new("test", "calls:read wallet:*".parse().unwrap());
        let key = registry.create_key(&me, new()).await.unwrap();
        let revoked = registry.create_key(&me, new()).await.unwrap();
        registry
            .change(&me, revoked.record.id, revoke)
            .await
            .unwrap();
        let shared: Arc<dyn Directory> = directory.clone();
        let authenticator = PrimaryAuthenticator::builder()
            .primary(ApiKeys::new(Arc::clone(&shared), peppers.clone()))
            .primary(Basic::new(shared, peppers))
            .clock(clock.clone())
            .build()
            .unwrap();
        let issuer = Issuer::builder(URL)
            .audience(URL)
            .audience("https://api.example")
            .signing_key(SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap())
            .terms(Terms {
                lifetime: Duration::from_secs(900),
                ..Terms::default()
            })
            .build()
            .unwrap();
        let mint = Mint::new(issuer.clone(), clock, SystemRandom);
        let endpoint = TokenEndpoint::new(OAuth::default(), authenticator, mint);
        Self {
            key,
            revoked,
            issuer,
            directory,
            registry,
            endpoint,
        }
    }

    pub fn endpoint(&self) -> TokenEndpoint<OAuth> {
        self.endpoint.clone()
    }

    pub async fn revoke(&self) {
        let revoke = Change::Revoke { reason: None };
        let me = Caller::operator("test");
        let id = self.key.record.id;
        self.registry.change(&me, id, revoke).await.unwrap();
    }

    pub fn go_stale(&self) {
        self.directory.stale.store(true, Ordering::SeqCst);
    }

    pub fn look_ups(&self) -> u64 {
        self.directory.look_ups.load(Ordering::SeqCst)
    }

    pub fn id(&self) -> String {
        self.key.record.id.to_string()
    }

    pub fn secret(&self) -> &str {
        self.key.issued.secret.expose()
    }

    pub fn api_key(&self) -> &str {
        self.key.issued.key.expose()
    }

    pub async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let response = self.endpoint.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: head.status,
            headers: head.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// A POST of a form with these headers.
    pub async fn post(&self, headers: &[(&str, &str)], form: impl Into<Bytes>) -> Answer {
        let mut request = Request::post("/oauth/token")
            .header("content-type", FORM)
            .body(Full::new(form.into()))
            .unwrap();
        for (name, value) in headers {
            let name: http::HeaderName = name.parse().unwrap();
            request.headers_mut().append(name, value.parse().unwrap());
        }
        self.send(request).await
    }
}

pub fn basic(id: &str, secret: &str) -> String {
    use base64::Engine as _;
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
    format!("Basic {pair}")
}

pub fn claims(token: &str) -> serde_json::Value {
    use base64::Engine as _;
    let payload = token.split('.').nth(1).unwrap();
    let json = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(payload)
        .unwrap();
    serde_json::from_slice(&json).unwrap()
}
