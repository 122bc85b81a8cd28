use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::AUTHORIZATION;
use http::{Request, Response};
use tower_service::Service;

use crate::auth::observe::log;
use crate::auth::{Engine, Judgement, ResponseFuture};
use crate::credentials::Carrier;
use crate::principal::Principal;
use crate::rejection::{RejectBody, Rejection};

/// The service of an [`AuthLayer`](crate::auth::AuthLayer).
#[derive(Clone, Debug)]
pub struct AuthService<S, R> {
    pub(super) inner: S,
    pub(super) engine: Arc<Engine>,
    pub(super) reject_body: R,
}

impl<S, R, ReqBody, ResBody> Service<Request<ReqBody>> for AuthService<S, R>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    R: RejectBody<ResBody> + Clone,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S, R, ReqBody, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let credentials = match self.engine.read(request.headers(), request.extensions()) {
            Ok(Some(credentials)) => credentials,
            Ok(None) => return self.reject(self.engine.missing(), &request),
            Err(rejection) => return self.reject(rejection, &request),
        };
        strip_credentials(&mut request, credentials.carrier());
        match self.engine.judge(credentials) {
            Judgement::Accepted(principal) => {
                insert_principal(&mut request, principal);
                // The very service that was polled ready, in place: no clone.
                ResponseFuture::inner(self.inner.call(request))
            }
            Judgement::Rejected(rejection) => self.reject(rejection, &request),
            Judgement::Undecided(pending) => {
                // The service that was polled ready waits with the request; a clone of it, which may
                // not be ready, takes its place. See `Service`, "Be careful when cloning".
                let clone = self.inner.clone();
                let ready = mem::replace(&mut self.inner, clone);
                ResponseFuture::judging(pending, ready, request, self.reject_body.clone())
            }
        }
    }
}

impl<S: Clone, R> AuthService<S, R> {
    fn reject<ReqBody, ResBody>(
        &mut self,
        rejection: Rejection,
        request: &Request<ReqBody>,
    ) -> ResponseFuture<S, R, ReqBody, ResBody>
    where
        S: Service<Request<ReqBody>, Response = Response<ResBody>>,
        R: RejectBody<ResBody>,
    {
        // The service that was polled ready may hold a permit. It will not be called: dropping it
        // frees the permit for a request that was let in.
        let clone = self.inner.clone();
        drop(mem::replace(&mut self.inner, clone));
        log(&rejection);
        ResponseFuture::rejected(rejection.into_response(&self.reject_body, request.headers()))
    }
}

fn strip_credentials<B>(request: &mut Request<B>, carrier: &Carrier) {
    match carrier {
        Carrier::Authorization(_) => request.headers_mut().remove(AUTHORIZATION),
        Carrier::Header(name) => request.headers_mut().remove(name),
        Carrier::BodyKey | Carrier::BodyClient | Carrier::BodyUser => None,
    };
}

/// A principal that was there before, whoever put it there, is replaced.
pub(crate) fn insert_principal<B>(request: &mut Request<B>, principal: Principal) {
    let extensions = request.extensions_mut();
    extensions.insert(principal.scopes().clone());
    extensions.insert(principal);
}
