use std::fmt;
use std::io;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;

use super::server::{IssuerResponse, Resource, Server};
use super::{Flaw, TestToken};
use crate::jose::{Algorithm, KeyError, SigningKey};
use crate::random::SystemRandom;
use crate::time::Clock;

/// A token issuer that serves HTTP on a free port of the loopback interface until it is dropped.
///
/// It publishes its metadata (`/.well-known/oauth-authorization-server` by RFC 8414, and
/// `/.well-known/openid-configuration`) and its keys (`/jwks.json`, with an `ETag`). It has two keys, of which one signs. It
/// counts the requests for each document.
///
/// ```
/// # #[cfg(feature = "http-client")]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # tokio_test::block_on(async {
/// use countersign::Principal;
/// use countersign::auth::AuthLayer;
/// use countersign::mechanism::Jwt;
/// use countersign::rejection::Rejection;
/// use countersign::testing::{Flaw, TestIssuer};
/// use countersign::time::SystemClock;
/// use http::{Request, Response, StatusCode};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// let issuer = TestIssuer::start(SystemClock)?;
/// let jwt = Jwt::issuer(issuer.url()).audience(TestIssuer::AUDIENCE).build()?;
/// let layer = AuthLayer::builder().mechanism(jwt.clone()).build()?;
/// let service = layer.layer(service_fn(async |request: Request<()>| {
///     let principal = request.extensions().get::<Principal>().expect("the layer inserts a principal");
///     Ok::<_, std::convert::Infallible>(Response::new(principal.subject().to_owned()))
/// }));
/// let send = |token: &str| {
///     let request = Request::get("/").header("authorization", format!("Bearer {token}"));
///     service.clone().oneshot(request.body(()).unwrap())
/// };
///
/// // The first request waits until the keys are fetched.
/// let accepted = send(&issuer.token().subject("bob").sign()?).await?;
/// assert_eq!((accepted.status(), accepted.body().as_str()), (StatusCode::OK, "bob"));
/// assert_eq!(issuer.key_fetches(), 1);
///
/// // A token with a flaw is rejected for the reason that belongs to the flaw.
/// for flaw in Flaw::ALL {
///     let rejected = send(&issuer.flawed(*flaw)?).await?;
///     assert_eq!(rejected.status(), StatusCode::UNAUTHORIZED, "{flaw:?}");
///     let rejection = rejected.extensions().get::<Rejection>().expect("a rejected response has the rejection");
///     assert_eq!(rejection.reason(), flaw.reason(), "{flaw:?}");
/// }
/// assert_eq!(issuer.key_fetches(), 1);
///
/// // After a rotation, another key signs. `refresh` fetches it at once.
/// issuer.rotate()?;
/// for keys in jwt.issuers().filter_map(|issuer| issuer.remote_keys()) {
///     keys.refresh().await?;
/// }
/// assert_eq!(send(&issuer.token().sign()?).await?.status(), StatusCode::OK);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })
/// # }
/// # #[cfg(not(feature = "http-client"))]
/// # fn main() {}
/// ```
pub struct TestIssuer {
    url: Box<str>,
    clock: Arc<dyn Clock>,
    server: Server,
    keys: Mutex<Keys>,
}

const METADATA: &str = "/.well-known/oauth-authorization-server";
const OPENID_METADATA: &str = "/.well-known/openid-configuration";
const KEYS: &str = "/jwks.json";

struct Keys {
    signing: SigningKey,
    /// The other published keys, the oldest first.
    others: Vec<SigningKey>,
    version: u64,
}

impl TestIssuer {
    /// The audience (`aud`) of its tokens.
    pub const AUDIENCE: &'static str = "https://api.test";

    /// Starts an issuer whose tokens are issued at the time of `clock`.
    ///
    /// # Errors
    ///
    /// Returns an error if no port is free, or if no key could be generated.
    pub fn start(clock: impl Clock) -> io::Result<Self> {
        let (signing, others) = (generate_key()?, vec![generate_key()?]);
        let document = jwks(&signing, &others);
        let server = Server::start(|address| {
            let url = format!("http://{address}");
            let metadata = json!({
                "issuer": url,
                "jwks_uri": format!("{url}{KEYS}"),
                "response_types_supported": ["code"],
            });
            vec![
                Resource::new([METADATA, OPENID_METADATA], metadata.to_string()),
                Resource::new([KEYS], document),
            ]
        })?;
        Ok(Self {
            url: format!("http://{}", server.address()).into(),
            clock: Arc::new(clock),
            server,
            keys: Mutex::new(Keys {
                signing,
                others,
                version: 0,
            }),
        })
    }

    /// Returns the URL of the issuer: the claim `iss` of its tokens, and the base of its metadata URLs.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the URL of its keys.
    #[must_use]
    pub fn jwks_url(&self) -> String {
        format!("{}{KEYS}", self.url)
    }

    /// Returns the published keys as a JWK set (RFC 7517 §5), the signing key first.
    #[must_use]
    pub fn jwks(&self) -> String {
        let keys = self.keys();
        jwks(&keys.signing, &keys.others)
    }

    /// Creates a valid token, which a test can change and then sign.
    pub fn token(&self) -> TestToken {
        let signing = self.keys().signing.clone();
        TestToken::new(signing, &self.url, Self::AUDIENCE, self.clock.now())
    }

    /// Creates a signed token with exactly one flaw.
    ///
    /// # Errors
    ///
    /// Returns [`KeyError::Failed`] if the cryptographic library failed.
    pub fn flawed(&self, flaw: Flaw) -> Result<String, KeyError> {
        flaw.apply(self.token())
    }

    /// Publishes a new key in addition to the others. It signs from now on.
    ///
    /// # Errors
    ///
    /// Returns an error if no key could be generated.
    pub fn rotate(&self) -> io::Result<()> {
        let new = generate_key()?;
        self.publish(|keys| keys.others.push(mem::replace(&mut keys.signing, new)));
        Ok(())
    }

    /// Withdraws all keys except the signing key and its predecessor.
    pub fn withdraw(&self) {
        self.publish(|keys| drop(keys.others.drain(..keys.others.len().saturating_sub(1))));
    }

    /// Sets the response to requests for the keys.
    pub fn set_keys_response(&self, response: IssuerResponse) {
        self.resource(KEYS, |keys| keys.response = response);
    }

    /// Sets the response to requests for the metadata.
    pub fn set_metadata_response(&self, response: IssuerResponse) {
        self.resource(METADATA, |metadata| metadata.response = response);
    }

    /// Returns the number of requests for the keys.
    #[must_use]
    pub fn key_fetches(&self) -> u64 {
        self.resource(KEYS, |keys| keys.requests)
    }

    /// Returns the number of requests for the keys to which the response was 304 (Not Modified).
    #[must_use]
    pub fn keys_not_modified(&self) -> u64 {
        self.resource(KEYS, |keys| keys.not_modified)
    }

    /// Returns the number of requests for the metadata.
    #[must_use]
    pub fn metadata_fetches(&self) -> u64 {
        self.resource(METADATA, |metadata| metadata.requests)
    }

    fn resource<T: Default>(&self, path: &str, f: impl FnOnce(&mut Resource) -> T) -> T {
        self.server.site().resource(path, f).unwrap_or_default()
    }

    fn publish(&self, change: impl FnOnce(&mut Keys)) {
        let mut keys = self.keys();
        change(&mut keys);
        keys.version += 1;
        let (document, tag) = (
            jwks(&keys.signing, &keys.others),
            format!("\"{}\"", keys.version),
        );
        self.resource(KEYS, |keys| {
            keys.document = document;
            keys.tag = tag;
        });
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn generate_key() -> io::Result<SigningKey> {
    SigningKey::generate(Algorithm::EdDsa, &SystemRandom).map_err(io::Error::other)
}

fn jwks(signing: &SigningKey, others: &[SigningKey]) -> String {
    let keys = [signing].into_iter().chain(others);
    let keys: Vec<_> = keys.filter_map(SigningKey::public_jwk).collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

impl fmt::Debug for TestIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestIssuer")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}
