//! The HTTP formats of token endpoints, as tower services over any body.
//!
//! A [`Wire`] is one format: it reads requests for tokens, and writes the responses. The [`TokenEndpoint`] does what all
//! formats have in common: it authenticates requests in one order, rejects bearer tokens, limits, and mints.
//!
//! Beside the token endpoints there are long-lived tokens with records ([`ManagedTokenResource`]), a caller's sessions
//! ([`SessionResource`]), [`Introspection`], [`Revocation`], and a [`Document`] for the JWK set and for the metadata of the
//! authorization server. All of them authenticate with an [`Authenticator`](countersign::auth::Authenticator), and every 401
//! has `WWW-Authenticate` with its realm.
//!
//! With the feature `openapi`, which is off by default, the services describe themselves in OpenAPI 3.1.
//!
//! ```
//! use std::sync::Arc;
//! use bytes::Bytes;
//! use countersign::auth::Authenticator;
//! use countersign::directory::MemoryDirectory;
//! use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry};
//! use countersign::jose::{Algorithm, SigningKey};
//! use countersign::key::{Pepper, Peppers};
//! use countersign::mechanism::{ApiKeys, Basic};
//! use countersign::mint::{Issuer, Mint};
//! use countersign::random::SystemRandom;
//! use countersign::time::SystemClock;
//! use countersign_wire::{OAuth, TokenEndpoint};
//! use http::{Request, StatusCode};
//! use http_body_util::Full;
//! use tower::ServiceExt;
//!
//! # tokio_test::block_on(async {
//! let peppers = Peppers::new(Pepper::new(1, &[7; 32])?, []);
//! let directory = Arc::new(MemoryDirectory::default());
//! let registry = MemoryRegistry::new(directory.clone(), peppers.clone(), SystemClock, SystemRandom)?;
//! let new = NewKey::new("ci", "calls:read".parse()?);
//! let key = registry.create_key(&Caller::operator("me"), new).await?.issued.key;
//!
//! let authenticator = Authenticator::builder()
//!     .primary(ApiKeys::new(directory.clone(), peppers.clone()))
//!     .primary(Basic::new(directory, peppers))
//!     .build()?;
//! let issuer = Issuer::builder("https://auth.example")
//!     .signing_key(SigningKey::generate(Algorithm::EdDsa, &SystemRandom)?)
//!     .build()?;
//! let mint = Mint::new(issuer, SystemClock, SystemRandom);
//! let endpoint = TokenEndpoint::new(OAuth::default(), authenticator, mint);
//!
//! let request = |name: &'static str, value: &str| {
//!     Request::post("/oauth/token")
//!         .header(name, value)
//!         .header("content-type", "application/x-www-form-urlencoded")
//!         .body(Full::<Bytes>::from("grant_type=client_credentials"))
//! };
//! let issued = endpoint.clone().oneshot(request("x-api-key", key.expose())?).await?;
//! assert_eq!(issued.status(), StatusCode::OK);
//!
//! let chained = endpoint.oneshot(request("authorization", "Bearer whatever")?).await?;
//! assert_eq!(chained.status(), StatusCode::FORBIDDEN);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # A wire of your own
//!
//! A format that is missing here is an implementation of [`Wire`]. It needs no more than this:
//!
//! ```
//! use bytes::Bytes;
//! use countersign_wire::{
//!     CredentialSource, RequestContext, ResponseBody, TokenError, TokenRequest, TokenResponse, Wire,
//! };
//! use http::{Response, request};
//!
//! /// Responds with the token alone, as text.
//! #[derive(Clone)]
//! struct PlainText;
//!
//! impl Wire for PlainText {
//!     fn credential_source(&self) -> CredentialSource {
//!         CredentialSource::Headers
//!     }
//!
//!     fn read(&self, _: &request::Parts, _: &Bytes) -> Result<TokenRequest, TokenError> {
//!         Ok(TokenRequest::default())
//!     }
//!
//!     fn write(&self, response: TokenResponse<'_>, _: &RequestContext) -> Response<ResponseBody> {
//!         match response {
//!             TokenResponse::Issued { token, .. } => {
//!                 Response::new(token.token.expose().to_owned().into())
//!             }
//!             TokenResponse::Error(error) => {
//!                 let mut response = Response::new(error.to_string().into());
//!                 *response.status_mut() = error.status();
//!                 response
//!             }
//!         }
//!     }
//! }
//!
//! # use std::sync::Arc;
//! # use countersign::auth::Authenticator;
//! # use countersign::directory::MemoryDirectory;
//! # use countersign::jose::{Algorithm, SigningKey};
//! # use countersign::key::{Pepper, Peppers};
//! # use countersign::mechanism::ApiKeys;
//! # use countersign::mint::{Issuer, Mint};
//! # use countersign::random::SystemRandom;
//! # use countersign::time::SystemClock;
//! # use countersign_wire::TokenEndpoint;
//! # use http::{Request, StatusCode};
//! # use http_body_util::Full;
//! # use tower::ServiceExt;
//! # tokio_test::block_on(async {
//! # let peppers = Peppers::new(Pepper::new(1, &[7; 32])?, []);
//! # let keys = ApiKeys::new(Arc::new(MemoryDirectory::default()), peppers);
//! # let authenticator = Authenticator::builder().primary(keys).build()?;
//! # let issuer = Issuer::builder("https://auth.example")
//! #     .signing_key(SigningKey::generate(Algorithm::EdDsa, &SystemRandom)?)
//! #     .build()?;
//! # let mint = Mint::new(issuer, SystemClock, SystemRandom);
//! let endpoint = TokenEndpoint::new(PlainText, authenticator, mint);
//! let request = Request::post("/token").header("x-api-key", "not a key").body(Full::<Bytes>::default())?;
//! let rejected = endpoint.oneshot(request).await?;
//! assert_eq!(rejected.status(), StatusCode::UNAUTHORIZED);
//! assert!(rejected.headers().contains_key("www-authenticate"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

mod authenticate;
mod body;
mod credential_limit;
mod document;
mod endpoint;
mod envelope;
mod error;
mod fields;
mod form;
mod json;
mod key_secret;
mod managed;
mod oauth;
#[cfg(feature = "openapi")]
pub mod openapi;
mod path;
mod protected_resource;
mod request_id;
mod response;
mod scoped;
mod service;
mod session;
mod sessions;
mod wire;

pub use body::{BodyError, read_body};
pub use credential_limit::CredentialLimit;
pub use document::Document;
pub use endpoint::{TokenEndpoint, TokenMint};
pub use envelope::{Envelope, ErrorStatus};
pub use error::{FieldError, FieldErrorCode, Throttled, TokenError};
pub use key_secret::KeySecret;
pub use managed::ManagedTokenResource;
pub use oauth::{AuthorizationServer, Introspection, OAuth, Revocation};
pub use protected_resource::ProtectedResource;
pub use request_id::RequestId;
pub use response::ResponseBody;
pub use scoped::Scoped;
pub use session::Session;
pub use sessions::SessionResource;
pub use wire::{CredentialSource, RequestContext, TokenRequest, TokenResponse, Wire};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
