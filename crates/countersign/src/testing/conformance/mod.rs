//! The table of outcomes as a suite that holds any service to it: this crate's, another middleware, or whatever
//! answers at a URL.
//!
//! Each [`Case`] is a request, made with a token of a [`TestIssuer`](super::TestIssuer), and what must come back. A
//! [`Suite`] sends them to a [`Subject`], which trusts that issuer and the audience
//! [`TestIssuer::AUDIENCE`](super::TestIssuer::AUDIENCE), and gives a [`Report`].
//!
//! Not every difference is a failure. Whether a request is let in or not is what counts: a refusal with another
//! status than the table's is reported as what it is, and so is a decision that no RFC forbids.
//!
//! ```
//! use std::convert::Infallible;
//! use std::future::ready;
//!
//! use countersign::auth::AuthLayer;
//! use countersign::jose::KeySet;
//! use countersign::mechanism::Jwt;
//! use countersign::testing::TestIssuer;
//! use countersign::testing::conformance::{Calls, CaseOutcome, Subject, Suite};
//! use countersign::token::TrustedIssuer;
//! use http::{Request, Response};
//! use tower::{Layer, service_fn};
//!
//! # tokio_test::block_on(async {
//! // A service behind the layer passes.
//! let report = Suite::default()
//!     .run(async |issuer: &TestIssuer| {
//!         let trusted = TrustedIssuer::external(issuer.url())
//!             .audience(TestIssuer::AUDIENCE)
//!             .keys(KeySet::from_jwks(&issuer.jwks())?.0)
//!             .build()?;
//!         let layer = AuthLayer::builder().mechanism(Jwt::new([trusted])).build()?;
//!         let calls = Calls::default();
//!         let handler = {
//!             let calls = calls.clone();
//!             service_fn(move |_: Request<String>| {
//!                 calls.add();
//!                 ready(Ok::<_, Infallible>(Response::new(String::new())))
//!             })
//!         };
//!         Ok(Subject::service(layer.layer(handler)).calls(&calls))
//!     })
//!     .await?;
//! report.assert_passed();
//!
//! // One that only looks whether there is a header does not.
//! let open = service_fn(|request: Request<String>| {
//!     let status = if request.headers().contains_key("authorization") { 200 } else { 401 };
//!     ready(Response::builder().status(status).body(String::new()))
//! });
//! let report = Suite::default().run(async |_| Ok(Subject::service(open))).await?;
//! let (case, outcome) = report.failures().next().expect("it fails");
//! assert_eq!(case.name(), "an empty header is challenged without an error code");
//! assert_eq!(*outcome, CaseOutcome::Failed("accepted".to_owned()));
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! # }).unwrap();
//! ```
//!
//! What runs elsewhere is a [`Subject::url`]: the closure starts it with the issuer's URL, or configures it, and tells
//! where it listens.
//!
//! How this crate and two other middlewares come out, and the command that repeats that, is in
//! [CONFORMANCE.md](https://github.com/countersign-rs/countersign/blob/main/crates/countersign/CONFORMANCE.md).

mod case;
mod claims;
mod crafted;
mod encoding;
mod headers;
mod keys;
mod report;
mod scopes;
mod signature;
mod subject;
mod suite;
mod url;

pub use case::{Case, Expected, Group, Level};
pub use report::{CaseOutcome, Report};
pub use subject::{Calls, Subject};
pub use suite::Suite;
pub use url::UrlError;
