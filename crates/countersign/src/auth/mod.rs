//! The layer that lets nobody in unknown: [`AuthLayer`].
//!
//! 1. The carriers that the mechanisms declare are looked for in the headers. None: 401 with one
//!    challenge for each mechanism. More than one, or a malformed one: 400.
//! 2. One mechanism judges. Bad: 401. Never judged: 503. No other mechanism is asked.
//! 3. The credentials are removed from the request, [`Principal`] and [`Scopes`](crate::Scopes) are
//!    put into its extensions, and the inner service is called.
//!
//! Put it inside tracing, timeouts and limits on load, and outside whatever reads the principal.
//! Query parameters, cookies and bodies are not looked at.
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
//! let key = registry.create_key(&Caller::operator("me"), new).await?.issued.key;
//!
//! let service = ServiceBuilder::new()
//!     .layer(AuthLayer::builder().primary(ApiKeys::new(directory, peppers)).build()?)
//!     .service(service_fn(|request: Request<String>| async move {
//!         let principal = request.extensions().get::<Principal>().expect("the layer put it there");
//!         Ok::<_, std::convert::Infallible>(Response::new(principal.subject().to_owned()))
//!     }));
//!
//! let request = Request::builder().header("x-api-key", key.expose()).body(String::new())?;
//! assert_eq!(service.clone().oneshot(request).await?.status(), StatusCode::OK);
//!
//! let nobody = service.oneshot(Request::new(String::new())).await?;
//! assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
//! assert_eq!(nobody.headers()["www-authenticate"], r#"ApiKey realm="countersign""#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! [`Principal`]: crate::Principal

mod builder;
#[cfg(feature = "metrics")]
mod counters;
mod engine;
mod future;
mod layer;
mod observe;
mod primary;
mod service;
#[cfg(test)]
mod tests;

pub use builder::{AuthBuilder, BuildError};
pub(crate) use engine::{Engine, EngineBuilder, Judgement, Pending};
pub use future::ResponseFuture;
pub use layer::AuthLayer;
pub(crate) use observe::{log, required};
pub use primary::{Authenticating, PrimaryAuthenticator, PrimaryAuthenticatorBuilder};
pub use service::AuthService;
#[cfg(feature = "testing")]
pub(crate) use service::insert_principal;
