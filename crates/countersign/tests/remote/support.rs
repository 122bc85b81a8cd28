//! A layer that trusts a test issuer, and what it says of tokens.

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
/// Longer than the minimum interval, and shorter than the ttl.
pub(crate) const INTERVAL: Duration = Duration::from_secs(31);

/// What became of a token: 200 and who called, or a status and why.
pub(crate) type Outcome = Result<String, (u16, Reason)>;

pub(crate) const UNKNOWN: Outcome = Err((401, Reason::KeyUnknown));
pub(crate) const UNAVAILABLE: Outcome = Err((503, Reason::KeysUnavailable));

/// A test issuer, and a layer that trusts it.
pub(crate) struct Stand {
    pub(crate) issuer: TestIssuer,
    pub(crate) gate: Gate,
}

impl Stand {
    /// The layer fetches already.
    pub(crate) fn new(policy: RefreshPolicy) -> Self {
        let issuer = TestIssuer::start(SystemClock).unwrap();
        let gate = Gate::new(trusting(&issuer, policy));
        Self { issuer, gate }
    }

    /// The keys are there: one fetch was made.
    pub(crate) async fn loaded(policy: RefreshPolicy) -> Self {
        let stand = Self::new(policy);
        assert!(stand.gate.send(&stand.good()).await.is_ok());
        assert_eq!(stand.issuer.key_fetches(), 1);
        stand
    }

    pub(crate) fn good(&self) -> String {
        self.issuer.token().sign().unwrap()
    }
}

fn trusting(issuer: &TestIssuer, policy: RefreshPolicy) -> Jwt {
    let trusted = Jwt::issuer(issuer.url()).audience(TestIssuer::AUDIENCE);
    trusted.refresh(policy).build().unwrap()
}

/// A layer before a service that answers with the subject.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) jwt: Jwt,
    layer: AuthLayer,
}

impl Gate {
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
        let answer = service.oneshot(request);
        async move {
            let response = answer.await.unwrap();
            let status = response.status();
            let retry = response.headers().contains_key("retry-after");
            assert_eq!(retry, status == StatusCode::SERVICE_UNAVAILABLE);
            match response.extensions().get::<Rejection>() {
                Some(rejection) => Err((status.as_u16(), rejection.reason())),
                None => Ok(response.into_body()),
            }
        }
    }

    /// The same, which must not wait: the answer is there when it is first asked for.
    #[track_caller]
    pub(crate) fn at_once(&self, token: &str) -> Outcome {
        let mut answer = tokio_test::task::spawn(self.send(token));
        match answer.poll() {
            std::task::Poll::Ready(outcome) => outcome,
            std::task::Poll::Pending => panic!("it waits"),
        }
    }
}

/// Lets time pass, at once. Sockets need real time, which goes on afterwards.
pub(crate) async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// Waits for what other tasks and threads do.
pub(crate) async fn until(mut done: impl FnMut() -> bool) {
    let limit = tokio::time::timeout(Duration::from_secs(20), async {
        while !done() {
            tokio::task::yield_now().await;
        }
    });
    limit.await.unwrap();
}

/// An HTTP client without a network: documents by URL, and all that was asked for.
#[derive(Clone, Default)]
pub(crate) struct Documents(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    documents: HashMap<String, String>,
    asked: Vec<String>,
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

    /// What was asked for since this was last called.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }

    /// How many others have this client.
    pub(crate) fn holders(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }
}

impl Fetch for Documents {
    fn get<'a>(
        &'a self,
        request: Request<()>,
        body: &'a mut FetchedBody,
    ) -> BoxFuture<'a, Result<Response<()>, Box<dyn Error + Send + Sync>>> {
        let url = request.uri().to_string();
        assert!(
            !request.headers().contains_key(IF_NONE_MATCH),
            "no tag was given"
        );
        let (document, panics) = {
            let mut inner = self.0.lock().unwrap();
            inner.asked.push(url.clone());
            (inner.documents.get(&url).cloned(), inner.panics)
        };
        Box::pin(async move {
            assert!(!panics, "as it was told to");
            let mut head = Response::new(());
            match document {
                Some(document) => body.push(document.as_bytes())?,
                None => *head.status_mut() = StatusCode::NOT_FOUND,
            }
            Ok(head)
        })
    }
}
