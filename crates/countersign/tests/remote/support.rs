//! A layer that trusts a test issuer, and an HTTP client without a network.

use std::collections::HashMap;
use std::convert::Infallible;
use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::auth::{AuthLayer, AuthService};
use countersign::mechanism::Jwt;
use countersign::rejection::{EmptyBody, Reason, Rejection};
use countersign::remote::{Fetch, FetchedBody, RefreshPolicy, RemoteKeys};
use countersign::testing::TestIssuer;
use countersign::time::SystemClock;
use countersign::{BoxFuture, Principal};
use http::header::IF_NONE_MATCH;
use http::{Request, Response, StatusCode};
use tower::{Layer as _, ServiceExt as _, service_fn};

pub(crate) const MINUTE: Duration = Duration::from_secs(60);
/// Longer than the default minimum interval, and shorter than the default ttl.
pub(crate) const INTERVAL: Duration = Duration::from_secs(31);

/// The subject of an accepted token, or the status and reason of a rejected one.
pub(crate) type Outcome = Result<String, (u16, Reason)>;

pub(crate) const UNKNOWN: Outcome = Err((401, Reason::KeyUnknown));
pub(crate) const UNAVAILABLE: Outcome = Err((503, Reason::KeysUnavailable));

/// A test issuer, and a layer that trusts it.
pub(crate) struct Fixture {
    pub(crate) issuer: TestIssuer,
    pub(crate) harness: Harness,
}

impl Fixture {
    /// Starts the issuer and the fetching of its keys.
    pub(crate) fn new(policy: RefreshPolicy) -> Self {
        let issuer = TestIssuer::start(SystemClock).unwrap();
        let harness = Harness::new(trusting(&issuer, policy));
        Self { issuer, harness }
    }

    /// Starts the issuer, and waits for its keys: one fetch was made.
    pub(crate) async fn loaded(policy: RefreshPolicy) -> Self {
        let fixture = Self::new(policy);
        assert!(fixture.harness.send(&fixture.valid_token()).await.is_ok());
        assert_eq!(fixture.issuer.key_fetches(), 1);
        fixture
    }

    pub(crate) fn valid_token(&self) -> String {
        self.issuer.token().sign().unwrap()
    }
}

fn trusting(issuer: &TestIssuer, policy: RefreshPolicy) -> Jwt {
    let trusted = Jwt::issuer(issuer.url()).audience(TestIssuer::AUDIENCE);
    trusted.refresh(policy).build().unwrap()
}

/// A layer around a service that answers with the subject.
#[derive(Clone)]
pub(crate) struct Harness {
    pub(crate) jwt: Jwt,
    layer: AuthLayer,
}

impl Harness {
    pub(crate) fn new(jwt: Jwt) -> Self {
        let layer = AuthLayer::builder().mechanism(jwt.clone()).build().unwrap();
        Self { jwt, layer }
    }

    pub(crate) fn keys(&self) -> RemoteKeys {
        let mut keys = self.jwt.issuers().filter_map(|issuer| issuer.remote_keys());
        keys.next().unwrap().clone()
    }

    pub(crate) fn send(&self, token: &str) -> impl Future<Output = Outcome> + Send + use<> {
        let request = Request::get("/").header("authorization", format!("Bearer {token}"));
        let request = request.body(()).unwrap();
        let service: AuthService<_, EmptyBody> =
            self.layer
                .layer(service_fn(|request: Request<()>| async move {
                    let principal = request.extensions().get::<Principal>().unwrap();
                    Ok::<_, Infallible>(Response::new(principal.subject().to_owned()))
                }));
        let response = service.oneshot(request);
        async move {
            let response = response.await.unwrap();
            let status = response.status();
            let retry = response.headers().contains_key("retry-after");
            assert_eq!(retry, status == StatusCode::SERVICE_UNAVAILABLE);
            match response.extensions().get::<Rejection>() {
                Some(rejection) => Err((status.as_u16(), rejection.reason())),
                None => Ok(response.into_body()),
            }
        }
    }

    /// Sends a token, and returns the outcome of the first poll. Panics if it is pending.
    #[track_caller]
    pub(crate) fn send_now(&self, token: &str) -> Outcome {
        let mut response = tokio_test::task::spawn(self.send(token));
        match response.poll() {
            std::task::Poll::Ready(outcome) => outcome,
            std::task::Poll::Pending => panic!("the request waits"),
        }
    }
}

/// Advances the clock at once. Sockets need real time, which continues afterwards.
pub(crate) async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// Waits until other tasks and threads have made `condition` true.
pub(crate) async fn until(mut condition: impl FnMut() -> bool) {
    let limit = tokio::time::timeout(Duration::from_secs(20), async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    });
    limit.await.unwrap();
}

/// An HTTP client without a network: it returns documents by URL, and records the requests.
#[derive(Clone, Default)]
pub(crate) struct Documents(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    documents: HashMap<String, String>,
    requested: Vec<String>,
    panics: bool,
}

impl Documents {
    pub(crate) fn put(&self, url: &str, document: impl Into<String>) {
        let mut inner = self.0.lock().unwrap();
        inner.documents.insert(url.to_owned(), document.into());
    }

    pub(crate) fn remove(&self, url: &str) {
        self.0.lock().unwrap().documents.remove(url);
    }

    pub(crate) fn panic(&self, panics: bool) {
        self.0.lock().unwrap().panics = panics;
    }

    /// Returns the URLs that were requested since the last call.
    pub(crate) fn take_requested(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().requested)
    }

    /// Returns the number of other clones of this client.
    pub(crate) fn holders(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }
}

impl Fetch for Documents {
    fn send<'a>(
        &'a self,
        request: Request<Vec<u8>>,
        body: &'a mut FetchedBody,
    ) -> BoxFuture<'a, Result<Response<()>, Box<dyn Error + Send + Sync>>> {
        let url = request.uri().to_string();
        assert!(
            !request.headers().contains_key(IF_NONE_MATCH),
            "no ETag was sent"
        );
        let (document, panics) = {
            let mut inner = self.0.lock().unwrap();
            inner.requested.push(url.clone());
            (inner.documents.get(&url).cloned(), inner.panics)
        };
        Box::pin(async move {
            assert!(!panics, "panic requested by the test");
            let mut head = Response::new(());
            match document {
                Some(document) => body.push(document.as_bytes())?,
                None => *head.status_mut() = StatusCode::NOT_FOUND,
            }
            Ok(head)
        })
    }
}
