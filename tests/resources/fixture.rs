//! All resources in one router, with an in-memory registry.

use std::num::NonZeroU32;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use countersign::Id;
use countersign::auth::{AuthLayer, Authenticator};
use countersign::directory::{Directory, EnvironmentKind};
use countersign::jose::{Algorithm, SigningKey};
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::password::PasswordHasher;
use countersign::mechanism::{ApiKeys, Basic, Jwt, PrimaryMechanism};
use countersign::mint::{Issuer, Mint, SessionMint};
use countersign::random::SystemRandom;
use countersign::registry::{
    Caller, Change, Environment, MemoryRegistry, NewEnvironment, NewKey, Owner, Page, Registry,
};
use countersign::testing::FixedClock;
use countersign::time::Timestamp;
use countersign::token::TrustedIssuer;
pub use countersign_tests::claims;
use countersign_tests::{AUDIENCE, CountingDirectory, EXTERNAL_ISSUER, TokenBuilder, keys};
use countersign_wire::{
    CredentialLimit, Introspection, ManagedTokenResource, OAuth, Revocation, Session,
    SessionResource, TokenEndpoint,
};
use http::{Method, Request};
use http_body_util::Full;
use hyper::body::Bytes;
use serde_json::{Value, json};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::response::TestResponse;

/// 2026-03-15T12:00:00Z.
pub const NOW: Timestamp = Timestamp::from_unix_seconds(countersign_tests::NOW);
pub const URL: &str = "https://auth.example";
pub const TOKENS: &str = "/api/v1/api_token";
pub const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
/// Generated here, since generating all keys of `countersign_tests::keys` takes long.
static EXTERNAL_KEY: LazyLock<keys::Key> =
    LazyLock::new(|| keys::Key::generate(Algorithm::EdDsa, "external"));
pub const DAY: Duration = Duration::from_secs(24 * 3600);

/// A key, in each form in which a client presents it.
#[derive(Clone, Debug)]
pub struct Key {
    pub id: Id,
    pub account: Id,
    pub key: String,
    pub secret: String,
}

impl Key {
    pub fn basic(&self) -> String {
        countersign_tests::basic(&self.id.to_string(), &self.secret)
    }
}

pub struct Fixture {
    pub clock: FixedClock,
    pub registry: Arc<MemoryRegistry>,
    pub issuer: Issuer,
    /// A key with the scopes `api_token:*`, `calls:read` and `wallet:*`.
    pub admin: Key,
    pub sandbox: Environment,
    pub router: Router,
    pub managed: ManagedTokenResource,
    pub layer: AuthLayer,
    pub authenticator: Authenticator,
    pub mint: Mint,
    directory: Arc<CountingDirectory>,
    peppers: Peppers,
}

impl Fixture {
    pub async fn new() -> Self {
        Self::with(Algorithm::EdDsa).await
    }

    pub async fn with(algorithm: Algorithm) -> Self {
        let clock = FixedClock::at(NOW);
        let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
        let directory = Arc::new(CountingDirectory::default());
        let table = Arc::clone(&directory.table);
        let registry =
            MemoryRegistry::new(table, peppers.clone(), clock.clone(), SystemRandom).unwrap();
        let registry = Arc::new(registry);
        let shared: Arc<dyn Directory> = directory.clone();
        let keys = ApiKeys::new(Arc::clone(&shared), peppers.clone());
        let basic = Basic::new(Arc::clone(&shared), peppers.clone());
        let authenticator = Authenticator::builder()
            .primary(keys.clone())
            .primary(basic.clone())
            .clock(clock.clone())
            .build()
            .unwrap();
        let issuer = Issuer::builder(URL)
            .signing_key(SigningKey::generate(algorithm, &SystemRandom).unwrap())
            .build()
            .unwrap();
        let own = issuer.trusted().directory(shared).managed_tokens(DAY * 365);
        let external = TrustedIssuer::external(EXTERNAL_ISSUER)
            .audience(AUDIENCE)
            .keys(keys::key_set([&*EXTERNAL_KEY]));
        let jwt = Jwt::new([own.build().unwrap(), external.build().unwrap()]);
        let layer = AuthLayer::builder()
            .mechanism(jwt.clone())
            .primary(keys)
            .primary(basic)
            .clock(clock.clone())
            .build()
            .unwrap();
        let mint = Mint::new(issuer.clone(), clock.clone(), SystemRandom);
        let limit = CredentialLimit::new(
            "mints",
            NonZeroU32::new(50).unwrap(),
            Duration::from_secs(60),
        );
        let managed = ManagedTokenResource::new(
            layer.authenticator().clone(),
            mint.clone(),
            registry.clone(),
        )
        .limit(limit);
        let sessions = SessionMint::new(mint.clone(), registry.clone());
        let revocation = Revocation::new(authenticator.clone(), jwt.clone(), registry.clone());
        let router = Router::new()
            .nest_service(TOKENS, managed.clone())
            .nest_service(
                "/auth/sessions",
                SessionResource::new(authenticator.clone(), registry.clone()),
            )
            .route_service(
                "/auth/login",
                TokenEndpoint::new(Session::default(), authenticator.clone(), sessions),
            )
            .route_service(
                "/oauth/token",
                TokenEndpoint::new(OAuth::default(), authenticator.clone(), mint.clone()),
            )
            .route_service(
                "/oauth/introspect",
                Introspection::new(authenticator.clone(), jwt),
            )
            .route_service("/oauth/revoke_token", revocation.clone())
            .route_service("/oauth/revoke", revocation.sessions(registry.clone()))
            .route_service("/accepts", layer.clone().layer(service_fn(empty_response)));
        let operator = Caller::operator("test");
        let default = registry
            .list_accounts(&operator, Page::all())
            .await
            .unwrap()[0]
            .id;
        let admin = key(&registry, Some(default), "api_token:* calls:read wallet:*").await;
        let sandbox = NewEnvironment::new("sandbox", EnvironmentKind::Sandbox).account(default);
        let sandbox = registry.create_environment(&operator, sandbox).await;
        Self {
            clock,
            registry,
            issuer,
            admin,
            sandbox: sandbox.unwrap(),
            router,
            managed,
            layer,
            authenticator,
            mint,
            directory,
            peppers,
        }
    }

    pub fn go_stale(&self) {
        self.directory.go_stale();
    }

    /// Creates another key of the default account.
    pub async fn key(&self, scopes: &str) -> Key {
        key(&self.registry, Some(self.admin.account), scopes).await
    }

    /// Creates a key in a new account.
    pub async fn key_of_another_account(&self, scopes: &str) -> Key {
        let operator = Caller::operator("test");
        let name = format!("other {scopes}");
        let account = self.registry.create_account(&operator, name).await.unwrap();
        key(&self.registry, Some(account.id), scopes).await
    }

    pub async fn change(&self, credential: Id, change: Change) {
        let operator = Caller::operator("test");
        self.registry
            .change(&operator, credential, change)
            .await
            .unwrap();
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> TestResponse {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        let router = self.router.clone();
        TestResponse::read(router.oneshot(request).await.unwrap()).await
    }

    /// Creates a token as the administrator.
    pub async fn create(&self, body: Value) -> TestResponse {
        let key = self.admin.key.clone();
        self.create_by(&[("x-api-key", &key)], body).await
    }

    pub async fn create_by(&self, headers: &[(&str, &str)], body: Value) -> TestResponse {
        self.send(Method::POST, TOKENS, headers, body.to_string())
            .await
    }

    /// Creates a token for the whole account as the administrator.
    pub async fn token(&self) -> ManagedToken {
        let created = self.create(json!({"token_scope": "account"})).await;
        ManagedToken::from_response(&created.ok())
    }

    /// Sends a request below [`TOKENS`] as the administrator.
    pub async fn send_as_admin(&self, method: Method, path: &str) -> TestResponse {
        let path = format!("{TOKENS}/{path}");
        self.send(method, &path, &[("x-api-key", &self.admin.key)], "")
            .await
    }

    /// The authenticator of a service that also accepts tokens in the cookie of this name.
    pub fn authenticator_with_cookie(&self, name: &str) -> Authenticator {
        let directory: Arc<dyn Directory> = self.directory.clone();
        let trusted = self.issuer.trusted().directory(Arc::clone(&directory));
        let jwt = Jwt::new([trusted.build().unwrap()]);
        Authenticator::builder()
            .primary(ApiKeys::new(Arc::clone(&directory), self.peppers.clone()))
            .primary(Basic::new(directory, self.peppers.clone()))
            .mechanism(jwt.in_cookie(name.parse().unwrap()))
            .clock(self.clock.clone())
            .build()
            .unwrap()
    }

    /// The resource for managed tokens, which users with passwords can use.
    pub fn resource_with_passwords(&self, hasher: PasswordHasher) -> ManagedTokenResource {
        let directory: Arc<dyn Directory> = self.directory.clone();
        self.resource_by(Basic::new(directory, self.peppers.clone()).passwords(hasher))
    }

    /// The resource for managed tokens with one mechanism only.
    pub fn resource_by(&self, mechanism: impl PrimaryMechanism) -> ManagedTokenResource {
        let authenticator = Authenticator::builder()
            .primary(mechanism)
            .clock(self.clock.clone())
            .build();
        let mint = Mint::new(self.issuer.clone(), self.clock.clone(), SystemRandom);
        ManagedTokenResource::new(authenticator.unwrap(), mint, self.registry.clone())
    }

    /// Sends a request that lists tokens, or creates a token for the whole account, to an unmounted resource.
    pub async fn send_to_resource(
        &self,
        resource: &ManagedTokenResource,
        method: Method,
        (name, value): (&str, &str),
    ) -> TestResponse {
        let body = json!({"token_scope": "account"}).to_string();
        let request = Request::builder()
            .method(method)
            .uri("/")
            .header(name, value);
        let request = request.body(Full::<Bytes>::from(body)).unwrap();
        TestResponse::read(resource.clone().oneshot(request).await.unwrap()).await
    }

    /// Whether a service behind an `AuthLayer` accepts the token.
    pub async fn accepts(&self, token: &str) -> bool {
        let request = Request::get("/accepts")
            .header("authorization", format!("Bearer {token}"))
            .body(Full::<Bytes>::default());
        let response = self.router.clone().oneshot(request.unwrap()).await.unwrap();
        response.status().is_success()
    }

    /// Mints an access token from a key.
    pub async fn access_token(&self, key: &Key) -> String {
        let headers = [FORM, ("x-api-key", &key.key)];
        let body = "grant_type=client_credentials";
        let issued = self
            .send(Method::POST, "/oauth/token", &headers, body)
            .await;
        issued.ok().json()["access_token"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Logs in with a key; returns the token of the session.
    pub async fn log_in(&self, key: &Key, session: Option<&str>) -> String {
        let body = json!({"api_key": key.key, "session_id": session}).to_string();
        let issued = self.send(Method::POST, "/auth/login", &[], body).await;
        issued.ok().json()["access_token"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Posts a form with a token, for introspection and revocation.
    pub async fn post_token(&self, path: &str, key: &Key, token: &str) -> TestResponse {
        let headers = [FORM, ("x-api-key", &*key.key)];
        self.send(Method::POST, path, &headers, format!("token={token}"))
            .await
    }
}

async fn empty_response(
    _: Request<axum::body::Body>,
) -> Result<axum::response::Response, std::convert::Infallible> {
    Ok(axum::response::Response::default())
}

async fn key(registry: &MemoryRegistry, account: Option<Id>, scopes: &str) -> Key {
    let owner = Owner {
        account,
        environment: None,
    };
    let new = NewKey::new("test", scopes.parse().unwrap()).owner(owner);
    let created = registry
        .create_key(&Caller::operator("test"), new)
        .await
        .unwrap();
    Key {
        id: created.record.id,
        account: created.record.account_id,
        key: created.issued.key.expose().to_owned(),
        secret: created.issued.secret.expose().to_owned(),
    }
}

/// A managed token with the details of the response that created it.
#[derive(Clone, Debug)]
pub struct ManagedToken {
    pub id: String,
    pub token: String,
    pub details: Value,
}

impl ManagedToken {
    pub fn from_response(created: &TestResponse) -> Self {
        let body = created.json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            id: text(&body["details"]["id"]),
            token: text(&body["token"]),
            details: body["details"].clone(),
        }
    }

    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }
}

/// A valid token of an external issuer with scopes of the same names as own scopes.
pub fn external_token() -> String {
    TokenBuilder::external()
        .key(&EXTERNAL_KEY)
        .claim(
            "scope",
            "\"api_token:read api_token:write token:introspect\"",
        )
        .token()
}
