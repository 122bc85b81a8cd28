//! The paths that are measured. Preparation depends on nothing that is measured.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::auth::AuthLayer;
use countersign::directory::{Directory, MemoryDirectory};
use countersign::jose::{Algorithm, SigningKey};
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::{ApiKeys, Basic, Jwt};
use countersign::mint::{Issuer, Mint, MintParameters, MintRequest};
use countersign::random::SystemRandom;
use countersign::registry::{Caller, CreatedKey, MemoryRegistry, NewKey, Registry as _};
use countersign::time::SystemClock;
use countersign::{Id, PrimaryPrincipal};
use http::{Extensions, HeaderName, HeaderValue, Request, Response};
use tower_layer::Layer as _;
use tower_service::Service;

/// Takes a path this many times.
pub(crate) type Path = Box<dyn FnMut(u64)>;

pub(crate) const PATHS: [&str; 17] = [
    "insertion",
    "inner-service",
    "nothing-presented",
    "bearer-garbage",
    "bearer-forged-hs256",
    "bearer-cached",
    "bearer-cached-with-directory",
    "bearer-uncached-hs256",
    "bearer-uncached-eddsa",
    "bearer-distinct-hs256",
    "bearer-distinct-hs256-no-cache",
    "api-key",
    "api-key-wrong-checksum",
    "api-key-wrong-secret",
    "basic",
    "mint-hs256",
    "mint-eddsa",
];

const SCOPES: &str = "calls:read calls:write campaigns:read agents:read";
/// The number of different tokens: at least the largest number of repetitions.
const DISTINCT: usize = 2500;

pub(crate) fn path(name: &str) -> Option<Path> {
    use Algorithm::{EdDsa, Hs256};

    let bearer = |token: &str| [value(&format!("Bearer {token}"))];
    Some(match name {
        "insertion" => insertion(),
        "inner-service" => requests(EmptyService, "authorization", bearer(&token(Hs256).1), 200),
        "nothing-presented" => requests(layer(token(Hs256).0), "x-other", [value("a")], 401),
        "bearer-garbage" => {
            let garbage = bearer(&"garbage".repeat(60));
            requests(layer(token(Hs256).0), "authorization", garbage, 401)
        }
        "bearer-forged-hs256" => {
            let (jwt, token) = token(Hs256);
            let (input, _) = token.rsplit_once('.').unwrap();
            let forged = bearer(&format!("{input}.{}", "A".repeat(43)));
            requests(layer(jwt), "authorization", forged, 401)
        }
        "bearer-cached" => {
            let (jwt, token) = token(Hs256);
            requests(layer(jwt), "authorization", bearer(&token), 200)
        }
        "bearer-cached-with-directory" => {
            let (mint, request) = minting(Hs256);
            let directory: Arc<dyn Directory> = Arc::new(MemoryDirectory::default());
            let trusted = mint
                .issuer()
                .trusted()
                .directory(directory)
                .build()
                .unwrap();
            let token = mint.mint(&request).unwrap().token;
            let layer = layer(Jwt::new([trusted]));
            requests(layer, "authorization", bearer(token.expose()), 200)
        }
        "bearer-uncached-hs256" => {
            let (jwt, token) = token(Hs256);
            requests(
                layer(jwt.cache_bytes(0)),
                "authorization",
                bearer(&token),
                200,
            )
        }
        "bearer-uncached-eddsa" => {
            let (jwt, token) = token(EdDsa);
            requests(
                layer(jwt.cache_bytes(0)),
                "authorization",
                bearer(&token),
                200,
            )
        }
        "bearer-distinct-hs256" => distinct(None),
        "bearer-distinct-hs256-no-cache" => distinct(Some(0)),
        "api-key" => {
            let keys = Keys::new();
            let key = value(keys.created.issued.key.expose());
            requests(keys.layer(), "x-api-key", [key], 200)
        }
        "api-key-wrong-checksum" => {
            let keys = Keys::new();
            let key = keys.created.issued.key.expose();
            let (rest, _) = key.split_at(key.len() - 6);
            requests(
                keys.layer(),
                "x-api-key",
                [value(&format!("{rest}000000"))],
                401,
            )
        }
        "api-key-wrong-secret" => {
            let (keys, other) = (Keys::new(), Keys::new());
            let key = value(other.created.issued.key.expose());
            requests(keys.layer(), "x-api-key", [key], 401)
        }
        "basic" => {
            let keys = Keys::new();
            let (id, secret) = (keys.created.record.id, &keys.created.issued.secret);
            let pair = STANDARD.encode(format!("{id}:{}", secret.expose()));
            let pair = value(&format!("Basic {pair}"));
            requests(keys.layer(), "authorization", [pair], 200)
        }
        "mint-hs256" => mint(Hs256),
        "mint-eddsa" => mint(EdDsa),
        _ => return None,
    })
}

fn insertion() -> Path {
    let value = Arc::new(1_u8);
    Box::new(move |times| {
        for _ in 0..times {
            let mut extensions = Extensions::new();
            extensions.insert(Arc::clone(&value));
            black_box(&extensions);
        }
    })
}

/// Requests with one of these values after the other.
fn requests<S, const N: usize>(
    service: S,
    name: &'static str,
    values: [HeaderValue; N],
    status: u16,
) -> Path
where
    S: Service<Request<()>, Response = Response<()>, Error = Infallible> + 'static,
{
    requests_of(service, name, values.into(), status)
}

fn requests_of<S>(mut service: S, name: &'static str, values: Vec<HeaderValue>, status: u16) -> Path
where
    S: Service<Request<()>, Response = Response<()>, Error = Infallible> + 'static,
{
    let mut send = move |value: &HeaderValue| {
        let mut request = Request::new(());
        let name = HeaderName::from_static(name);
        request.headers_mut().insert(name, value.clone());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(service.poll_ready(&mut cx).is_ready());
        let future = pin!(service.call(request));
        match future.poll(&mut cx) {
            Poll::Ready(Ok(response)) => assert_eq!(response.status().as_u16(), status),
            _ => panic!("the request waited"),
        }
    };
    if let [value] = &*values {
        // What is made or cached at the first requests does not count.
        for _ in 0..4 {
            send(value);
        }
    }
    Box::new(move |times| {
        let times = usize::try_from(times).unwrap();
        values.iter().cycle().take(times).for_each(&mut send);
    })
}

/// Tokens that are presented once, with the default cache or one of this many bytes.
fn distinct(cache_bytes: Option<usize>) -> Path {
    let (mint, request) = minting(Algorithm::Hs256);
    let jwt = Jwt::new([mint.issuer().trusted().build().unwrap()]);
    let jwt = match cache_bytes {
        Some(bytes) => jwt.cache_bytes(bytes),
        None => jwt,
    };
    let tokens = (0..DISTINCT).map(|_| {
        let token = mint.mint(&request).unwrap().token;
        value(&format!("Bearer {}", token.expose()))
    });
    requests_of(layer(jwt), "authorization", tokens.collect(), 200)
}

fn mint(algorithm: Algorithm) -> Path {
    let (mint, request) = minting(algorithm);
    mint.mint(&request).unwrap();
    Box::new(move |times| {
        for _ in 0..times {
            black_box(mint.mint(&request).unwrap());
        }
    })
}

fn minting(algorithm: Algorithm) -> (Mint, MintRequest) {
    let key = SigningKey::generate(algorithm, &SystemRandom).unwrap();
    let issuer = Issuer::builder("https://auth.example").signing_key(key);
    let mint = Mint::new(issuer.build().unwrap(), SystemClock, SystemRandom);
    let principal = PrimaryPrincipal::for_test(Id::from_bytes([1; 20]), SCOPES.parse().unwrap());
    (mint, MintRequest::new(principal, MintParameters::default()))
}

fn token(algorithm: Algorithm) -> (Jwt, String) {
    let (mint, request) = minting(algorithm);
    let token = mint.mint(&request).unwrap().token;
    let jwt = Jwt::new([mint.issuer().trusted().build().unwrap()]);
    (jwt, token.expose().to_owned())
}

fn layer(
    jwt: Jwt,
) -> impl Service<Request<()>, Response = Response<()>, Error = Infallible> + 'static {
    let layer = AuthLayer::builder().mechanism(jwt).build().unwrap();
    layer.layer(EmptyService)
}

struct Keys {
    directory: Arc<MemoryDirectory>,
    peppers: Peppers,
    created: CreatedKey,
}

impl Keys {
    fn new() -> Self {
        let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
        let directory = Arc::new(MemoryDirectory::default());
        let table = Arc::clone(&directory);
        let registry =
            MemoryRegistry::new(table, peppers.clone(), SystemClock, SystemRandom).unwrap();
        let operator = Caller::operator("measurement");
        let new = NewKey::new("ci", SCOPES.parse().unwrap());
        let mut created = registry.create_key(&operator, new);
        let Poll::Ready(created) = created
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        else {
            panic!("a registry in memory never waits");
        };
        Self {
            created: created.unwrap(),
            directory,
            peppers,
        }
    }

    fn layer(
        &self,
    ) -> impl Service<Request<()>, Response = Response<()>, Error = Infallible> + 'static + use<>
    {
        let (directory, peppers) = (&self.directory, &self.peppers);
        let layer = AuthLayer::builder()
            .primary(ApiKeys::new(directory.clone(), peppers.clone()))
            .primary(Basic::new(directory.clone(), peppers.clone()));
        layer.build().unwrap().layer(EmptyService)
    }
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::try_from(text).unwrap()
}

/// Drops the request and responds with an empty body.
#[derive(Clone)]
struct EmptyService;

impl Service<Request<()>> for EmptyService {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        black_box(request);
        ready(Ok(Response::new(())))
    }
}
