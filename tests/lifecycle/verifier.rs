//! A service that verifies keys and tokens.

use std::convert::Infallible;
use std::sync::Arc;

use countersign::Secret;
use countersign::auth::{AuthLayer, Authenticator};
use countersign::credentials::{Credentials, RequestHead};
use countersign::directory::Directory;
use countersign::key::Peppers;
use countersign::mechanism::{ApiKeys, Jwt};
use countersign::mint::Issuer;
use countersign::principal::PrimaryPrincipal;
use countersign::rejection::Rejection;
use countersign::testing::FixedClock;
use http::{Request, Response, StatusCode};
use tower::{Layer as _, ServiceExt as _, service_fn};

/// Authenticates keys and tokens with one directory.
pub(crate) struct Verifier {
    keys: Authenticator,
    tokens: AuthLayer,
}

impl Verifier {
    pub(crate) fn new(
        issuer: &Issuer,
        directory: Arc<dyn Directory>,
        peppers: Peppers,
        clock: &FixedClock,
    ) -> Self {
        let keys = ApiKeys::new(Arc::clone(&directory), peppers);
        let trusted = issuer.trusted().directory(directory).build().unwrap();
        let keys = Authenticator::builder().primary(keys);
        let tokens = AuthLayer::builder().mechanism(Jwt::new([trusted]));
        Self {
            keys: keys.clock(clock.clone()).build().unwrap(),
            tokens: tokens.clock(clock.clone()).build().unwrap(),
        }
    }

    pub(crate) async fn principal(&self, key: &Secret) -> Result<PrimaryPrincipal, Rejection> {
        let credentials = Credentials::key(key.clone());
        let principal = self.keys.authenticate(credentials, &RequestHead::empty());
        Ok(principal.await?.primary().unwrap())
    }

    pub(crate) async fn accepts_token(&self, token: &str) -> bool {
        let service = self.tokens.layer(service_fn(|_: Request<()>| async {
            Ok::<_, Infallible>(Response::new(String::new()))
        }));
        let request = Request::get("/").header("authorization", format!("Bearer {token}"));
        let response = service.oneshot(request.body(()).unwrap()).await;
        match response.unwrap().status() {
            StatusCode::OK => true,
            StatusCode::UNAUTHORIZED => false,
            other => panic!("{other}"),
        }
    }
}
