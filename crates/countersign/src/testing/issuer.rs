use std::fmt;
use std::io;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;

use super::server::{Answer, Served, Server};
use super::{Flaw, TestToken};
use crate::jose::{Algorithm, KeyError, SigningKey};
use crate::random::SystemRandom;
use crate::time::Clock;

/// An issuer as others run them, over real HTTP on a free port of the loopback, until it is dropped.
///
/// It publishes its metadata (`/.well-known/oauth-authorization-server`, `/.well-known/openid-configuration`) and its
/// keys (`/jwks.json`, with an `ETag`): two of them, of which one signs. Both sorts of requests are counted.
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
///     let principal = request.extensions().get::<Principal>().expect("the layer put it there");
///     Ok::<_, std::convert::Infallible>(Response::new(principal.subject().to_owned()))
/// }));
/// let send = |token: &str| {
///     let request = Request::get("/").header("authorization", format!("Bearer {token}"));
///     service.clone().oneshot(request.body(()).unwrap())
/// };
///
/// // The first request waits for the keys, which are fetched once.
/// let known = send(&issuer.token().subject("bob").sign()?).await?;
/// assert_eq!((known.status(), known.body().as_str()), (StatusCode::OK, "bob"));
/// assert_eq!(issuer.key_fetches(), 1);
///
/// // Whatever is wrong with a token, it is refused, and for that reason.
/// for flaw in Flaw::ALL {
///     let refused = send(&issuer.flawed(*flaw)?).await?;
///     assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{flaw:?}");
///     let rejection = refused.extensions().get::<Rejection>().expect("every rejection is there");
///     assert_eq!(rejection.reason(), flaw.reason(), "{flaw:?}");
/// }
/// assert_eq!(issuer.key_fetches(), 1);
///
/// // Another key signs. It is fetched when somebody says so, when a token with it comes a while later, or
/// // when it is time.
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

struct Keys {
    signs: SigningKey,
    /// Published beside it, the oldest first.
    others: Vec<SigningKey>,
    version: u64,
}

impl TestIssuer {
    /// The audience that its tokens name.
    pub const AUDIENCE: &'static str = "https://api.test";

    /// An issuer whose tokens are minted at the time that `clock` tells.
    ///
    /// # Errors
    ///
    /// When there is no free port, or no key could be made.
    pub fn start(clock: impl Clock) -> io::Result<Self> {
        let (signs, others) = (key()?, vec![key()?]);
        let document = jwks(&signs, &others);
        let server = Server::start(|address| {
            let url = format!("http://{address}");
            let metadata = json!({
                "issuer": url,
                "jwks_uri": format!("{url}/jwks.json"),
                "response_types_supported": ["code"],
            });
            [Served::new(metadata.to_string()), Served::new(document)]
        })?;
        Ok(Self {
            url: format!("http://{}", server.address()).into(),
            clock: Arc::new(clock),
            server,
            keys: Mutex::new(Keys {
                signs,
                others,
                version: 0,
            }),
        })
    }

    /// Its URL: what `iss` in its tokens is, and where its metadata are found.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where its keys are.
    #[must_use]
    pub fn jwks_url(&self) -> String {
        format!("{}/jwks.json", self.url)
    }

    /// Its keys as it publishes them (RFC 7517 §5), the one that signs first.
    #[must_use]
    pub fn jwks(&self) -> String {
        let keys = self.keys();
        jwks(&keys.signs, &keys.others)
    }

    /// A good token, to be altered and signed.
    pub fn token(&self) -> TestToken {
        let signs = self.keys().signs.clone();
        TestToken::new(signs, &self.url, Self::AUDIENCE, self.clock.now())
    }

    /// A token that would be good without this flaw.
    ///
    /// # Errors
    ///
    /// [`KeyError::Failed`] when the cryptographic library failed.
    pub fn flawed(&self, flaw: Flaw) -> Result<String, KeyError> {
        flaw.make(&self.token())
    }

    /// Publishes a new key, which signs from now on, beside the others.
    ///
    /// # Errors
    ///
    /// When no key could be made.
    pub fn rotate(&self) -> io::Result<()> {
        let new = key()?;
        self.publish(|keys| keys.others.push(mem::replace(&mut keys.signs, new)));
        Ok(())
    }

    /// Publishes from now on only the key that signs and the one that did before.
    pub fn withdraw(&self) {
        self.publish(|keys| drop(keys.others.drain(..keys.others.len().saturating_sub(1))));
    }

    /// What it answers when its keys are asked for, from now on.
    pub fn answer_keys(&self, answer: Answer) {
        self.server
            .site()
            .change(|content| content.keys.answer = answer);
    }

    /// What it answers when its metadata are asked for, from now on.
    pub fn answer_metadata(&self, answer: Answer) {
        self.server
            .site()
            .change(|content| content.metadata.answer = answer);
    }

    /// How often its keys were asked for.
    #[must_use]
    pub fn key_fetches(&self) -> u64 {
        self.server.site().read().keys.requests
    }

    /// How often the answer to that was 304: whoever asked has them already.
    #[must_use]
    pub fn keys_not_modified(&self) -> u64 {
        self.server.site().read().keys.not_modified
    }

    /// How often its metadata were asked for.
    #[must_use]
    pub fn metadata_fetches(&self) -> u64 {
        self.server.site().read().metadata.requests
    }

    fn publish(&self, change: impl FnOnce(&mut Keys)) {
        let mut keys = self.keys();
        change(&mut keys);
        keys.version += 1;
        let (document, tag) = (
            jwks(&keys.signs, &keys.others),
            format!("\"{}\"", keys.version),
        );
        self.server.site().change(|content| {
            content.keys.document = document;
            content.keys.tag = tag;
        });
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key() -> io::Result<SigningKey> {
    SigningKey::generate(Algorithm::EdDsa, &SystemRandom).map_err(io::Error::other)
}

fn jwks(signs: &SigningKey, others: &[SigningKey]) -> String {
    let keys = [signs].into_iter().chain(others);
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
