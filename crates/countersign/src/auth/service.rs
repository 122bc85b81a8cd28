use std::mem;
use std::task::{Context, Poll};

use http::header::AUTHORIZATION;
use http::{Request, Response};
use tower_service::Service;

use crate::auth::caller::Anonymous;
use crate::auth::layer::LayerOptions;
use crate::auth::telemetry::log;
use crate::auth::{Authenticator, ResponseFuture};
use crate::credentials::RequestHead;
use crate::principal::Principal;
use crate::rejection::{RejectBody, Rejection};
use crate::scope::Scopes;

/// The service of an [`AuthLayer`](crate::auth::AuthLayer).
#[derive(Clone, Debug)]
pub struct AuthService<S, R> {
    pub(super) inner: S,
    pub(super) authenticator: Authenticator,
    pub(super) reject_body: R,
    pub(super) options: LayerOptions,
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
        let authenticator = &self.authenticator;
        let mut credentials = None;
        let found = match self.options.keep_credentials {
            true => authenticator.read_credentials(&RequestHead::new(&request), &mut credentials),
            false => authenticator.remove_credentials(&mut request, &mut credentials),
        };
        if let Err(reason) = found {
            return self.reject(authenticator.reject(reason), &request);
        }
        let Some(credentials) = &credentials else {
            // An `Authorization` header that no mechanism reads is not taken for none.
            if self.options.optional && !request.headers().contains_key(AUTHORIZATION) {
                return self.pass_on(request);
            }
            let rejection = authenticator.missing_credentials(&RequestHead::new(&request));
            return self.reject(rejection, &request);
        };
        let head = RequestHead::new(&request);
        match authenticator.try_authenticate(credentials, &head) {
            Ok(Ok(principal)) => {
                let shown = self.options.principal_in_response;
                let shown = shown.then(|| principal.clone());
                insert_principal(&mut request, principal);
                // The service that was polled ready is called in place, without a clone.
                let response = self.inner.call(request);
                ResponseFuture::inner(response, self.reject_body.clone(), shown)
            }
            Ok(Err(rejection)) => self.reject(rejection, &request),
            Err(undecided) => {
                let authentication = undecided.wait(credentials.clone(), &head);
                // The service that was polled ready waits with the request; a clone of it, which may
                // not be ready, takes its place. See `Service`, "Be careful when cloning".
                let clone = self.inner.clone();
                let ready = mem::replace(&mut self.inner, clone);
                let reject_body = self.reject_body.clone();
                let shows_principal = self.options.principal_in_response;
                ResponseFuture::authenticating(
                    authentication,
                    (ready, request),
                    reject_body,
                    shows_principal,
                )
            }
        }
    }
}

impl<S: Clone, R: Clone> AuthService<S, R> {
    /// Passes a request without credentials on, without a principal.
    fn pass_on<ReqBody, ResBody>(
        &mut self,
        mut request: Request<ReqBody>,
    ) -> ResponseFuture<S, R, ReqBody, ResBody>
    where
        S: Service<Request<ReqBody>, Response = Response<ResBody>>,
        R: RejectBody<ResBody>,
    {
        let extensions = request.extensions_mut();
        extensions.remove::<Principal>();
        extensions.remove::<Scopes>();
        extensions.insert(Anonymous(self.authenticator.credentials_required()));
        ResponseFuture::inner(self.inner.call(request), self.reject_body.clone(), None)
    }

    fn reject<ReqBody, ResBody>(
        &mut self,
        rejection: Rejection,
        request: &Request<ReqBody>,
    ) -> ResponseFuture<S, R, ReqBody, ResBody>
    where
        S: Service<Request<ReqBody>, Response = Response<ResBody>>,
        R: RejectBody<ResBody>,
    {
        // The service that was polled ready may hold a permit. It will not be called: replacing it
        // by a clone releases the permit for an accepted request.
        self.inner = self.inner.clone();
        log(&rejection);
        ResponseFuture::rejected(rejection.into_response(&self.reject_body, request.headers()))
    }
}

/// Inserts the principal and its scopes into the request extensions. A principal that is already
/// there is replaced.
pub(crate) fn insert_principal<B>(request: &mut Request<B>, principal: Principal) {
    let extensions = request.extensions_mut();
    extensions.insert(principal.scopes().clone());
    extensions.insert(principal);
}
