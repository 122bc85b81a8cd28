//! A real [`AuthLayer`] over a service that counts its calls.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::LazyLock;
use std::time::Duration;

use countersign::auth::AuthLayer;
use countersign::jose::KeySet;
use countersign::mechanism::Jwt;
use countersign::principal::Principal;
use countersign::rejection::{Reason, Rejection};
use countersign::require::{RequireLayer, Requirement, require};
use countersign::testing::{FixedClock, signatures_verified};
use countersign::time::Timestamp;
use countersign::token::TrustedIssuer;
use futures_util::FutureExt as _;
use http::header::{AUTHORIZATION, CACHE_CONTROL, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use tower::{Layer, Service, ServiceExt as _};

use crate::{AUDIENCE, FOREIGN, NOW, OURS, keys};

/// The challenge to a bearer whose token is bad (A1).
pub const INVALID_TOKEN: &str = r#"Bearer realm="countersign", error="invalid_token""#;
/// The challenge to a bearer whose request is malformed (A2).
pub const INVALID_REQUEST: &str = r#"Bearer realm="countersign", error="invalid_request""#;

/// Both kinds of issuers behind one layer, and perhaps a requirement.
#[derive(Clone, Debug)]
pub struct Gate {
    layer: AuthLayer,
    requirement: Option<RequireLayer>,
}

/// A gate with the nine public keys, at [`NOW`].
pub static PUBLIC: LazyLock<Gate> = LazyLock::new(|| Gate::new(keys::key_set(keys::public_keys())));
/// A gate with the three HMAC keys, at [`NOW`].
pub static SECRET: LazyLock<Gate> = LazyLock::new(|| Gate::new(keys::key_set(keys::secret_keys())));

impl Gate {
    /// Our issuer and a foreign one, both with these keys, at [`NOW`].
    #[must_use]
    pub fn new(keys: KeySet) -> Self {
        Self::at(Timestamp::from_unix_seconds(NOW), keys)
    }

    #[must_use]
    pub fn at(now: Timestamp, keys: KeySet) -> Self {
        let ours = TrustedIssuer::own(OURS)
            .audience(AUDIENCE)
            .keys(keys.clone());
        let foreign = TrustedIssuer::external(FOREIGN)
            .audience(AUDIENCE)
            .keys(keys);
        Self::of(now, [ours.build().unwrap(), foreign.build().unwrap()])
    }

    /// Any issuers.
    #[must_use]
    pub fn of(now: Timestamp, issuers: impl IntoIterator<Item = TrustedIssuer>) -> Self {
        let builder = AuthLayer::builder()
            .mechanism(Jwt::new(issuers))
            .clock(FixedClock::at(now));
        Self {
            layer: builder.build().unwrap(),
            requirement: None,
        }
    }

    /// The same issuers for the whole of `issuers`, with another leeway.
    #[must_use]
    pub fn with_leeway(now: Timestamp, leeway: Duration, keys: KeySet) -> Self {
        let ours = TrustedIssuer::own(OURS)
            .audience(AUDIENCE)
            .keys(keys.clone())
            .leeway(leeway);
        let foreign = TrustedIssuer::external(FOREIGN)
            .audience(AUDIENCE)
            .keys(keys)
            .leeway(leeway);
        Self::of(now, [ours.build().unwrap(), foreign.build().unwrap()])
    }

    /// The same gate before a route that requires something.
    #[must_use]
    pub fn requiring(&self, requirement: Requirement) -> Self {
        Self {
            requirement: Some(require(requirement).unwrap()),
            ..self.clone()
        }
    }

    /// Sends a token as `Authorization: Bearer`.
    #[track_caller]
    pub fn send(&self, token: impl AsRef<[u8]>) -> Outcome {
        let value = [b"Bearer ", token.as_ref()].concat();
        let value = HeaderValue::from_bytes(&value).expect("the token fits into a header");
        self.present(&[value])
    }

    /// Sends `Authorization` headers.
    #[track_caller]
    pub fn present(&self, values: &[HeaderValue]) -> Outcome {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.clone());
        }
        let inner = Inner::default();
        match &self.requirement {
            None => run(self.layer.layer(inner.clone()), headers, &inner),
            Some(require) => run(
                self.layer.layer(require.layer(inner.clone())),
                headers,
                &inner,
            ),
        }
    }
}

#[track_caller]
fn run<S>(service: S, headers: HeaderMap, inner: &Inner) -> Outcome
where
    S: Service<Request<()>, Response = Response<String>, Error = Infallible>,
{
    let mut request = Request::new(());
    *request.headers_mut() = headers;
    let before = signatures_verified();
    // A token is judged at once: nothing here may wait.
    let response = service
        .oneshot(request)
        .now_or_never()
        .expect("judged at once")
        .unwrap();
    let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
    Outcome {
        status: response.status(),
        challenges: response
            .headers()
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .map(text)
            .collect(),
        cache_control: response.headers().get(CACHE_CONTROL).map(text),
        reason: response
            .extensions()
            .get::<Rejection>()
            .map(Rejection::reason),
        signatures: signatures_verified() - before,
        inner_calls: inner.calls.get(),
        principal: inner.principal.take(),
        body: response.into_body(),
    }
}

/// The service behind the gate.
#[derive(Clone, Default)]
struct Inner {
    calls: Rc<Cell<usize>>,
    principal: Rc<RefCell<Option<Principal>>>,
}

impl Service<Request<()>> for Inner {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        self.calls.set(self.calls.get() + 1);
        self.principal.replace(request.extensions().get().cloned());
        std::future::ready(Ok(Response::new("inside".to_owned())))
    }
}

/// All that came of one request.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub status: StatusCode,
    pub challenges: Vec<String>,
    pub cache_control: Option<String>,
    pub body: String,
    pub reason: Option<Reason>,
    /// How many signatures were verified for it.
    pub signatures: u64,
    pub inner_calls: usize,
    /// Whom the inner service saw.
    pub principal: Option<Principal>,
}

impl Outcome {
    /// Let in, by one signature, with a principal.
    #[track_caller]
    pub fn accepted(&self, case: &str) -> &Self {
        assert_eq!(self.status, StatusCode::OK, "{case}: {:?}", self.reason);
        assert_eq!((self.inner_calls, self.signatures), (1, 1), "{case}");
        assert!(self.principal.is_some(), "{case}");
        self
    }

    /// A1: 401 and `invalid_token`, and nothing else said.
    #[track_caller]
    pub fn refused(&self, case: &str) -> &Self {
        self.closed(case, StatusCode::UNAUTHORIZED, INVALID_TOKEN)
    }

    /// A1, known before any signature was looked at.
    #[track_caller]
    pub fn refused_unverified(&self, case: &str) -> &Self {
        self.refused(case);
        assert_eq!(self.signatures, 0, "{case}: a signature was verified");
        self
    }

    /// A1 for `reason`, known before any signature was looked at.
    #[track_caller]
    pub fn refused_for(&self, reason: Reason, case: &str) -> &Self {
        self.refused_unverified(case);
        assert_eq!(self.reason, Some(reason), "{case}");
        self
    }

    /// A1 for `reason`, found out by looking a rightly signed token's origin up.
    #[track_caller]
    pub fn refused_as(&self, reason: Reason) -> &Self {
        self.refused(reason.label());
        assert_eq!(self.reason, Some(reason));
        self
    }

    /// Whom the inner service saw.
    #[track_caller]
    pub fn someone(&self) -> &Principal {
        self.accepted("somebody").principal.as_ref().unwrap()
    }

    /// A1 because the signature is wrong, found out by verifying it once.
    #[track_caller]
    pub fn forged(&self, case: &str) -> &Self {
        self.refused(case);
        assert_eq!(self.reason, Some(Reason::SignatureInvalid), "{case}");
        assert_eq!(self.signatures, 1, "{case}");
        self
    }

    /// A2: 400 and `invalid_request`: the header does not hold one token.
    #[track_caller]
    pub fn malformed(&self, case: &str) -> &Self {
        self.closed(case, StatusCode::BAD_REQUEST, INVALID_REQUEST);
        assert_eq!(self.signatures, 0, "{case}: a signature was verified");
        self
    }

    #[track_caller]
    pub fn closed(&self, case: &str, status: StatusCode, challenge: &str) -> &Self {
        assert_eq!(self.status, status, "{case}: {:?}", self.reason);
        assert_eq!(self.challenges, [challenge], "{case}");
        assert_eq!(self.cache_control.as_deref(), Some("no-store"), "{case}");
        assert_eq!(self.body, "", "{case}");
        assert_eq!(self.inner_calls, 0, "{case}: the inner service was called");
        assert!(self.principal.is_none(), "{case}");
        self
    }
}
