//! An [`AuthLayer`] over a service that counts its calls, and assertions on its responses.

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

use crate::{AUDIENCE, EXTERNAL_ISSUER, NOW, OWN_ISSUER, keys};

/// The challenge for an invalid token (RFC 6750 §3.1).
pub const INVALID_TOKEN: &str = r#"Bearer realm="countersign", error="invalid_token""#;
/// The challenge for a malformed request (RFC 6750 §3.1).
pub const INVALID_REQUEST: &str = r#"Bearer realm="countersign", error="invalid_request""#;

/// A layer that trusts one or more issuers, with an optional requirement. What is observed is the response without the cache
/// of verified tokens; every request is also sent through a layer with the cache, whose responses must be the same.
#[derive(Clone, Debug)]
pub struct Harness {
    layer: AuthLayer,
    cached: AuthLayer,
    requirement: Option<RequireLayer>,
}

/// Trusts both issuers with the nine public keys, at [`NOW`].
pub static PUBLIC_KEYS: LazyLock<Harness> =
    LazyLock::new(|| Harness::new(keys::key_set(keys::public_keys())));
/// Trusts both issuers with the three HMAC keys, at [`NOW`].
pub static HMAC_KEYS: LazyLock<Harness> =
    LazyLock::new(|| Harness::new(keys::key_set(keys::secret_keys())));

impl Harness {
    /// Trusts the own and the external issuer with these keys, at [`NOW`].
    #[must_use]
    pub fn new(keys: KeySet) -> Self {
        Self::at(Timestamp::from_unix_seconds(NOW), keys)
    }

    /// Trusts both issuers with these keys, at another time.
    #[must_use]
    pub fn at(now: Timestamp, keys: KeySet) -> Self {
        let own = TrustedIssuer::own(OWN_ISSUER)
            .audience(AUDIENCE)
            .keys(keys.clone());
        let external = TrustedIssuer::external(EXTERNAL_ISSUER)
            .audience(AUDIENCE)
            .keys(keys);
        Self::with_issuers(now, [own.build().unwrap(), external.build().unwrap()])
    }

    /// Trusts any issuers.
    #[must_use]
    pub fn with_issuers(now: Timestamp, issuers: impl IntoIterator<Item = TrustedIssuer>) -> Self {
        let cached = Jwt::new(issuers);
        let layer = |jwt| {
            AuthLayer::builder()
                .mechanism(jwt)
                .clock(FixedClock::at(now))
        };
        Self {
            layer: layer(cached.clone().cache_bytes(0)).build().unwrap(),
            cached: layer(cached).build().unwrap(),
            requirement: None,
        }
    }

    /// Trusts both issuers with these keys and another leeway, at another time.
    #[must_use]
    pub fn with_leeway(now: Timestamp, leeway: Duration, keys: KeySet) -> Self {
        let own = TrustedIssuer::own(OWN_ISSUER)
            .audience(AUDIENCE)
            .keys(keys.clone())
            .leeway(leeway);
        let external = TrustedIssuer::external(EXTERNAL_ISSUER)
            .audience(AUDIENCE)
            .keys(keys)
            .leeway(leeway);
        Self::with_issuers(now, [own.build().unwrap(), external.build().unwrap()])
    }

    /// Adds a requirement behind the layer.
    #[must_use]
    pub fn requiring(&self, requirement: Requirement) -> Self {
        Self {
            requirement: Some(require(requirement).unwrap()),
            ..self.clone()
        }
    }

    /// Sends a token as `Authorization: Bearer`.
    #[track_caller]
    pub fn send(&self, token: impl AsRef<[u8]>) -> Observed {
        let value = [b"Bearer ", token.as_ref()].concat();
        let value = HeaderValue::from_bytes(&value).expect("the token fits into a header");
        self.send_headers(&[value])
    }

    /// Sends `Authorization` headers.
    #[track_caller]
    pub fn send_headers(&self, values: &[HeaderValue]) -> Observed {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.clone());
        }
        let observed = self.run(&self.layer, headers.clone());
        // Verified, verified again and cached, and found in the cache.
        for round in 1..=3 {
            let cached = self.run(&self.cached, headers.clone());
            assert_eq!(cached.comparable(), observed.comparable(), "round {round}");
            assert!(cached.signatures <= observed.signatures, "round {round}");
            if round == 3 && observed.principal.is_some() {
                assert_eq!(cached.signatures, 0, "the token was not cached");
            }
        }
        observed
    }

    #[track_caller]
    fn run(&self, layer: &AuthLayer, headers: HeaderMap) -> Observed {
        let inner = Inner::default();
        match &self.requirement {
            None => run(layer.layer(inner.clone()), headers, &inner),
            Some(require) => run(layer.layer(require.layer(inner.clone())), headers, &inner),
        }
    }
}

#[track_caller]
fn run<S>(service: S, headers: HeaderMap, inner: &Inner) -> Observed
where
    S: Service<Request<()>, Response = Response<String>, Error = Infallible>,
{
    let mut request = Request::new(());
    *request.headers_mut() = headers;
    let before = signatures_verified();
    // With local keys, a token is authenticated without waiting.
    let response = service
        .oneshot(request)
        .now_or_never()
        .expect("authenticated without waiting")
        .unwrap();
    let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
    Observed {
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

/// The protected service.
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

/// Everything that is observed of one request.
#[derive(Clone, Debug)]
pub struct Observed {
    pub status: StatusCode,
    pub challenges: Vec<String>,
    pub cache_control: Option<String>,
    pub body: String,
    pub reason: Option<Reason>,
    /// The number of signatures that were verified.
    pub signatures: u64,
    pub inner_calls: usize,
    /// The principal in the extensions of the request that the inner service received.
    pub principal: Option<Principal>,
}

impl Observed {
    /// Returns all that must not depend on the cache.
    fn comparable(&self) -> impl std::fmt::Debug + PartialEq + use<> {
        let principal = self.principal.as_ref().map(|principal| {
            let claims: serde_json::Value = principal.claims().unwrap();
            (
                format!("{principal:?}"),
                principal.token_id().map(str::to_owned),
                principal.session().copied(),
                principal.issuer().map(str::to_owned),
                principal.expires_at(),
                claims,
            )
        });
        let challenges = self.challenges.clone();
        let response = (self.status, challenges, self.cache_control.clone());
        (
            response,
            self.body.clone(),
            self.reason,
            self.inner_calls,
            principal,
        )
    }

    /// Asserts that the request was accepted with a principal after the verification of one signature.
    #[track_caller]
    pub fn accepted(&self, case: &str) -> &Self {
        assert_eq!(self.status, StatusCode::OK, "{case}: {:?}", self.reason);
        assert_eq!((self.inner_calls, self.signatures), (1, 1), "{case}");
        assert!(self.principal.is_some(), "{case}");
        self
    }

    /// Asserts a response with 401 and `invalid_token` that reveals nothing else.
    #[track_caller]
    pub fn rejected(&self, case: &str) -> &Self {
        self.rejected_with(case, StatusCode::UNAUTHORIZED, INVALID_TOKEN)
    }

    /// Asserts the same, and that no signature was verified.
    #[track_caller]
    pub fn rejected_unverified(&self, case: &str) -> &Self {
        self.rejected(case);
        assert_eq!(self.signatures, 0, "{case}: a signature was verified");
        self
    }

    /// Asserts the same, with this reason, and that no signature was verified.
    #[track_caller]
    pub fn rejected_unverified_because(&self, reason: Reason, case: &str) -> &Self {
        self.rejected_unverified(case);
        assert_eq!(self.reason, Some(reason), "{case}");
        self
    }

    /// Asserts a response with 401 and `invalid_token` for this reason, whether or not a signature was verified.
    #[track_caller]
    pub fn rejected_because(&self, reason: Reason) -> &Self {
        self.rejected(reason.label());
        assert_eq!(self.reason, Some(reason));
        self
    }

    /// Asserts that the request was accepted, and returns its principal.
    #[track_caller]
    pub fn accepted_principal(&self) -> &Principal {
        self.accepted("a principal is expected")
            .principal
            .as_ref()
            .unwrap()
    }

    /// Asserts that the signature is invalid, and that exactly one signature was verified.
    #[track_caller]
    pub fn rejected_forged(&self, case: &str) -> &Self {
        self.rejected(case);
        assert_eq!(self.reason, Some(Reason::SignatureInvalid), "{case}");
        assert_eq!(self.signatures, 1, "{case}");
        self
    }

    /// Asserts a response with 400 and `invalid_request`: the header does not hold one token.
    #[track_caller]
    pub fn malformed(&self, case: &str) -> &Self {
        self.rejected_with(case, StatusCode::BAD_REQUEST, INVALID_REQUEST);
        assert_eq!(self.signatures, 0, "{case}: a signature was verified");
        self
    }

    /// Asserts a response with this status and challenge, without a body, and that the inner service was not called.
    #[track_caller]
    pub fn rejected_with(&self, case: &str, status: StatusCode, challenge: &str) -> &Self {
        assert_eq!(self.status, status, "{case}: {:?}", self.reason);
        assert_eq!(self.challenges, [challenge], "{case}");
        assert_eq!(self.cache_control.as_deref(), Some("no-store"), "{case}");
        assert_eq!(self.body, "", "{case}");
        assert_eq!(self.inner_calls, 0, "{case}: the inner service was called");
        assert!(self.principal.is_none(), "{case}");
        self
    }
}
