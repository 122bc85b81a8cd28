//! Requirements of routes on the principal: [`Requirement`], and the layer that checks it.
//!
//! ```
//! # use std::sync::Arc;
//! # use countersign::directory::MemoryDirectory;
//! # use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry};
//! # use countersign::key::{Pepper, Peppers};
//! # use countersign::mechanism::ApiKeys;
//! # use countersign::random::SystemRandom;
//! # use countersign::time::SystemClock;
//! # use countersign::AuthLayer;
//! # use http::{Request, Response, StatusCode};
//! # use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use countersign::require::{primary, require, scope};
//!
//! # tokio_test::block_on(async {
//! # let peppers = Peppers::new(Pepper::new(1, &[7; 32])?, []);
//! # let directory = Arc::new(MemoryDirectory::default());
//! # let registry = MemoryRegistry::new(directory.clone(), peppers.clone(), SystemClock, SystemRandom)?;
//! # let new = |scopes: &str| NewKey::new("ci", scopes.parse().unwrap());
//! # let operator = Caller::operator("docs");
//! # let payer = registry.create_key(&operator, new("wallet:*")).await?.issued.key;
//! # let reader = registry.create_key(&operator, new("wallet:read")).await?.issued.key;
//! # let auth = AuthLayer::builder().primary(ApiKeys::new(directory, peppers)).build()?;
//! # let handler = service_fn(|_| async { Ok::<_, std::convert::Infallible>(Response::new(())) });
//! let service = ServiceBuilder::new()
//!     .layer(auth)
//!     .layer(require(scope("wallet:pay") & primary())?)
//!     .service(handler);
//! # let send = |key: &str| {
//! #     let request = Request::builder().header("x-api-key", key).body(()).unwrap();
//! #     service.clone().oneshot(request)
//! # };
//!
//! // One key has the scope `wallet:*`, the other `wallet:read`.
//! assert_eq!(send(payer.expose()).await?.status(), StatusCode::OK);
//! assert_eq!(send(reader.expose()).await?.status(), StatusCode::FORBIDDEN);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! Put the layer inside an [`AuthLayer`](crate::auth::AuthLayer). A request that no such layer has
//! authenticated is rejected with 500.

mod layer;
mod methods;
mod requirement;

pub use layer::{Require, RequireFuture, RequireLayer, require, require_methods};
pub use requirement::{
    ClaimRequirement, Requirement, all, any, claim, deny, issuer, predicate, primary, public, scope,
};
