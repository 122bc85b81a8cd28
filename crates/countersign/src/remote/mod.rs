//! Keys of external issuers, fetched over HTTP and refreshed (feature `remote`), and the introspection of their opaque tokens.
//!
//! ```no_run
//! use countersign::auth::AuthLayer;
//! use countersign::mechanism::Jwt;
//!
//! # #[cfg(feature = "http-client")]
//! # fn layer() -> Result<AuthLayer, Box<dyn std::error::Error>> {
//! let jwt = Jwt::issuer("https://login.example").audience("https://api.example").build()?;
//! # Ok(AuthLayer::builder().mechanism(jwt).build()?)
//! # }
//! ```
//!
//! One layer can trust several issuers. A token is verified with the keys of its own `iss` only.
//!
//! ```no_run
//! # use countersign::mechanism::Jwt;
//!
//! # #[cfg(feature = "http-client")]
//! # fn several() -> Result<Jwt, countersign::remote::RemoteError> {
//! let staff = Jwt::issuer("https://login.example").audience("https://api.example").trust()?;
//! let partner = Jwt::issuer("https://partner.example")
//!     .jwks_url("https://partner.example/keys.json") // no discovery
//!     .audience("https://api.example")
//!     .trust()?;
//! # Ok(
//! Jwt::new([staff, partner])
//! # )
//! # }
//! ```
//!
//! # When keys are fetched
//!
//! Each issuer has one task on the runtime in which it was built. The task ends when the last clone of its mechanism or
//! layer is dropped. Requests never fetch. They use the keys that are there, and at most request a fetch from the task.
//!
//! 1. The task fetches at once, and then every `ttl` (5 min, minus a random part of up to a tenth, so that nodes do not
//!    fetch at the same time), with `If-None-Match` if the issuer sent an `ETag`. `Cache-Control` is ignored: a long
//!    `max-age` would keep a withdrawn key alive, and many frameworks forbid caching of every response.
//! 2. After a failure, it waits for the minimum interval (30 s), and after each further failure twice as long, at most
//!    `ttl`, plus a random part of up to a quarter. Before the first success, it waits from 1 s to 60 s.
//! 3. A token with an unknown `kid` requests a fetch, if the last one began at least a minimum interval ago and did not
//!    fail. At most 1,000 requests wait for that fetch, for at most `patience` (2 s) after its beginning. All others
//!    are rejected at once. If a valid document does not contain the `kid`, it is remembered for a minimum interval, and
//!    does not request another fetch. At most 1,000 of them are remembered.
//! 4. A token with a known key never waits, and no token can remove a key.
//!
//! So 100,000 tokens with random key ids cause one fetch every 30 s.
//!
//! # Which documents are accepted
//!
//! A document has at most 256 KiB and 100 keys, at least one of which is usable, and must arrive within 10 s. It replaces
//! all previous keys: a key that is not in it is rejected from then on. Keys that are not usable (of unknown kinds, weak
//! or symmetric, two different ones with the same `kid` and `alg`) are skipped and counted. Everything else is a failure, including an
//! empty list and an unexpected 304: the last valid keys stay in use until `max_stale` (24 h) has passed since the issuer
//! last confirmed them. After that, and before the first success, tokens of this issuer get 503, not 401.
//!
//! Unless a JWKS URL is set, it is discovered in the metadata of the issuer (RFC 8414 §3, then OpenID Connect Discovery
//! §4), whose `issuer` must be equal to the configured one (RFC 8414 §3.3). The metadata are fetched again after a
//! failure, and once a day.
//!
//! URLs must be `https`. Only an issuer on this machine's loopback may have an `http` URL, and name an `http` URL there, unless
//! `dangerous::allow_http` permits `http` elsewhere. Redirects are not followed. URLs and keys in tokens (`jku`, `x5u`, `jwk`) are never used.
//!
//! # Opaque tokens
//!
//! With the feature `introspection`, `OpaqueTokens::issuer` of [`mechanism`](crate::mechanism) asks an issuer about tokens that
//! are not signed (RFC 7662), over the same HTTP client and with the same rules for URLs, redirects and the length of a
//! document.
//!
//! # Probes
//!
//! [`Jwt::is_ready`](crate::mechanism::Jwt::is_ready) is cheap. [`RemoteKeys::status`] returns details for each issuer.
//!
//! # Your own HTTP client
//!
//! The default client (feature `http-client`) serves only this purpose: it has no proxy, no HTTP/2 and no connection
//! pool. To use another one, implement [`Fetch`]. The runtime must be tokio's, with its timer enabled.

mod attempt;
#[cfg(feature = "http-client")]
mod client;
#[cfg(feature = "http-client")]
mod connection;
mod error;
mod exchange;
mod fetch;
#[cfg(feature = "introspection")]
mod introspection;
mod issuer;
mod keys;
mod policy;
mod refresh;
mod schedule;
mod shared;
mod url;

pub use crate::url::{RejectedUrl, UrlError};
#[cfg(feature = "http-client")]
pub use client::{HttpClient, RootsError};
pub use error::{FetchError, RemoteError};
#[cfg(feature = "feed")]
pub(crate) use exchange::exchange_up_to;
pub use fetch::{Fetch, FetchedBody, TooLong};
#[cfg(feature = "introspection")]
pub use introspection::{IntrospectionOptions, OpaqueIssuer};
pub use issuer::RemoteIssuer;
#[cfg(feature = "feed")]
pub(crate) use keys::keeping_client;
pub use keys::{KeyStatus, RemoteKeys, RemoteKeysBuilder};
pub use policy::RefreshPolicy;
#[cfg(feature = "feed")]
pub(crate) use url::fetchable;
