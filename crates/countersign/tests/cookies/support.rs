//! A layer that accepts bearer tokens, API keys, and tokens in a cookie.

use std::convert::Infallible;
use std::sync::Arc;

use countersign::auth::{AuthLayer, AuthenticatorBuilder};
use countersign::credentials::CookieName;
use countersign::directory::MemoryDirectory;
use countersign::jose::KeySet;
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::{ApiKeys, Jwt};
use countersign::random::SystemRandom;
use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry as _};
use countersign::rejection::{Reason, Rejection};
use countersign::testing::{FixedClock, TestIssuer};
use countersign::time::{SystemClock, Timestamp};
use countersign::token::TrustedIssuer;
use countersign::{Principal, Secret};
use http::{Method, Request, Response};
use tokio_test::block_on;
use tower::{Layer as _, ServiceExt as _, service_fn};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_773_576_000);
pub(crate) const COOKIE: &str = "__Host-token";
pub(crate) const HOST: &str = "api.test";

pub(crate) struct Fixture {
    pub(crate) issuer: TestIssuer,
    pub(crate) clock: FixedClock,
    directory: Arc<MemoryDirectory>,
    peppers: Peppers,
    pub(crate) key: Secret,
}

pub(crate) fn cookie_name() -> CookieName {
    COOKIE.parse().unwrap()
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let clock = FixedClock::at(NOW);
        let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
        let directory = Arc::new(MemoryDirectory::default());
        let table = Arc::clone(&directory);
        let registry = MemoryRegistry::new(table, peppers.clone(), SystemClock, SystemRandom);
        let new = NewKey::new("test", "calls:read".parse().unwrap());
        let created = block_on(registry.unwrap().create_key(&Caller::operator("test"), new));
        Self {
            issuer: TestIssuer::start(clock.clone()).unwrap(),
            clock,
            directory,
            peppers,
            key: created.unwrap().issued.key,
        }
    }

    pub(crate) fn jwt(&self) -> Jwt {
        let (keys, _) = KeySet::from_jwks(&self.issuer.jwks()).unwrap();
        let issuer = TrustedIssuer::external(self.issuer.url())
            .audience(TestIssuer::AUDIENCE)
            .keys(keys);
        Jwt::new([issuer.build().unwrap()])
    }

    fn keys(&self) -> ApiKeys {
        ApiKeys::new(self.directory.clone(), self.peppers.clone())
    }

    /// Bearer tokens, API keys, and tokens in the cookie.
    pub(crate) fn builder(&self) -> AuthenticatorBuilder<AuthLayer> {
        AuthLayer::builder()
            .mechanism(self.jwt())
            .primary(self.keys())
            .mechanism(self.jwt().in_cookie(cookie_name()))
            .clock(self.clock.clone())
    }

    pub(crate) fn layer(&self) -> AuthLayer {
        self.builder().build().unwrap()
    }

    pub(crate) fn token(&self, subject: &str) -> String {
        self.issuer.token().subject(subject).sign().unwrap()
    }

    /// Returns the `cookie` header with a valid token of `subject` between two other cookies.
    pub(crate) fn cookie(&self, subject: &str) -> String {
        format!("theme=dark; {COOKIE}={}; lang=de", self.token(subject))
    }
}

/// The subject and the cookies that the inner service sees, or the status and the reason of a rejection.
pub(crate) type Seen = Result<(String, Vec<String>), (u16, Reason)>;

pub(crate) fn request(method: Method, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder().method(method).header("host", HOST);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

pub(crate) async fn respond(
    request: Request<()>,
) -> Result<Response<(String, Vec<String>)>, Infallible> {
    let principal = request.extensions().get::<Principal>();
    let subject = principal.map_or("", Principal::subject).to_owned();
    for name in ["authorization", "x-api-key"] {
        assert!(!request.headers().contains_key(name), "{name} is removed");
    }
    let cookies = request.headers().get_all("cookie").iter();
    let cookies = cookies.map(|line| line.to_str().unwrap().to_owned());
    Ok(Response::new((subject, cookies.collect())))
}

pub(crate) fn send(layer: &AuthLayer, request: Request<()>) -> Seen {
    let response = block_on(layer.layer(service_fn(respond)).oneshot(request)).unwrap();
    match response.extensions().get::<Rejection>() {
        Some(rejection) => Err((response.status().as_u16(), rejection.reason())),
        None => Ok(response.into_body()),
    }
}

pub(crate) fn get(layer: &AuthLayer, headers: &[(&str, &str)]) -> Seen {
    send(layer, request(Method::GET, headers))
}

pub(crate) fn seen(subject: &str, cookies: &[&str]) -> Seen {
    let cookies = cookies.iter().map(|line| (*line).to_owned());
    Ok((subject.to_owned(), cookies.collect()))
}
