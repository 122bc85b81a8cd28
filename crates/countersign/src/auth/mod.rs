//! Middleware that authenticates requests: [`AuthLayer`], and the [`Authenticator`] that it calls.
//!
//! 1. The layer looks for credentials in the headers that the mechanisms declare, only without them in the cookies
//!    that the mechanisms declare, and only without these for the certificate of the client. Without credentials the answer
//!    is 401, with one challenge for each mechanism. With several credentials, or malformed ones, it is 400. With a cookie or
//!    a certificate, it is 403 if a page of another site may have caused a request that may change something.
//! 2. The layer removes the credentials from the request. Exactly one mechanism selects them, and
//!    authenticates them: the response to invalid credentials is 401, and 503 if the mechanism cannot
//!    decide whether they are valid.
//! 3. The layer inserts a [`Principal`] and its [`Scopes`](crate::Scopes) into the request extensions,
//!    and calls the inner service.
//!
//! Set the body of all rejections with [`AuthLayer::reject_body`]: it also applies to requirements
//! and extractors inside of the layer.
//!
//! Put the layer inside of tracing, timeouts and load limits, so that they also apply to rejected
//! requests, and outside of every layer and handler that reads the principal. Query parameters and bodies are not read, and of the
//! cookies only those that a mechanism declares. With the feature `webhooks`, `WebhookLayer` verifies requests whose bodies are
//! signed.
//!
//! ```
//! use std::sync::Arc;
//! use countersign::auth::AuthLayer;
//! use countersign::directory::MemoryDirectory;
//! use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry};
//! use countersign::key::{Pepper, Peppers};
//! use countersign::mechanism::ApiKeys;
//! use countersign::principal::Principal;
//! use countersign::random::SystemRandom;
//! use countersign::time::SystemClock;
//! use http::{Request, Response, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # tokio_test::block_on(async {
//! let peppers = Peppers::new(Pepper::new(1, &[7; 32])?, []);
//! let directory = Arc::new(MemoryDirectory::default());
//! let registry = MemoryRegistry::new(directory.clone(), peppers.clone(), SystemClock, SystemRandom)?;
//! let new = NewKey::new("ci", "calls:read".parse()?);
//! let key = registry.create_key(&Caller::operator("docs"), new).await?.issued.key;
//!
//! let service = ServiceBuilder::new()
//!     .layer(AuthLayer::builder().primary(ApiKeys::new(directory, peppers)).build()?)
//!     .service(service_fn(|request: Request<String>| async move {
//!         let principal = request.extensions().get::<Principal>().expect("the layer inserted it");
//!         Ok::<_, std::convert::Infallible>(Response::new(principal.subject().to_owned()))
//!     }));
//!
//! let request = Request::builder().header("x-api-key", key.expose()).body(String::new())?;
//! assert_eq!(service.clone().oneshot(request).await?.status(), StatusCode::OK);
//!
//! let anonymous = service.oneshot(Request::new(String::new())).await?;
//! assert_eq!(anonymous.status(), StatusCode::UNAUTHORIZED);
//! assert_eq!(anonymous.headers()["www-authenticate"], r#"ApiKey realm="countersign""#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! [`Principal`]: crate::Principal

mod authenticator;
mod builder;
mod caller;
mod error;
mod future;
mod layer;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(not(feature = "metrics"))]
mod metrics {
    use crate::principal::Principal;
    use crate::rejection::Rejection;

    pub(super) fn count_accepted(_: &Principal) {}
    #[cfg(feature = "webhooks")]
    pub(super) fn count_accepted_scheme(_: crate::credentials::Scheme) {}
    pub(super) fn count_rejected(_: &Rejection) {}
    pub(crate) fn count_requirement(_: &Result<(), Rejection>) {}
}
mod service;
mod telemetry;
#[cfg(test)]
mod tests;
#[cfg(feature = "webhooks")]
mod webhook;

pub use authenticator::{Authentication, Authenticator};
pub use builder::AuthenticatorBuilder;
pub(crate) use caller::Caller;
pub use error::BuildError;
pub use future::ResponseFuture;
pub use layer::AuthLayer;
pub(crate) use metrics::count_requirement;
pub use service::AuthService;
#[cfg(feature = "testing")]
pub(crate) use service::insert_principal;
pub(crate) use telemetry::log;
#[cfg(feature = "webhooks")]
pub use webhook::{WebhookFuture, WebhookLayer, WebhookService};
