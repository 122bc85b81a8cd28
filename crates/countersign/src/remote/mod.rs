//! Keys of other issuers, fetched from them and kept fresh (feature `remote`).
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
//! Several issuers stand on one layer, and their keys never meet: a token is judged with the keys of its own
//! `iss` alone.
//!
//! ```no_run
//! # use countersign::mechanism::Jwt;
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
//! # Who fetches, and when
//!
//! One task for each issuer, on the runtime that it was built in, ended when the last clone of its mechanism or
//! layer is dropped. Requests never fetch: they read what is there, and at most ask the task.
//!
//! 1. It fetches at once, then every `ttl` (5 min, up to a tenth of it sooner, so that nodes spread), with
//!    `If-None-Match` where the issuer gave an `ETag`. `Cache-Control` is not read: a long `max-age` would keep a
//!    withdrawn key alive, and many frameworks forbid caching of everything.
//! 2. After a failure it waits for the minimum interval (30 s), twice as long after each further one, `ttl` at
//!    most, and up to a quarter more by chance. While nothing was ever loaded, from 1 s to 60 s.
//! 3. A token whose `kid` is not among the keys asks for a fetch, if the last one began a minimum interval ago and
//!    did not fail. Requests that need it wait together for that one fetch, while it is younger than the `patience`
//!    (2 s), and at most 1,000 of them. All others are refused at once. A `kid` that a good document did not have is
//!    remembered for a minimum interval, up to 1,000 of them, and asks for nothing.
//! 4. A token whose key is there never waits, and nothing that tokens say removes a key.
//!
//! So 100,000 tokens with random key ids cost one fetch every 30 s.
//!
//! # What is taken
//!
//! A document of at most 256 KiB with at most 100 keys, one of them usable, within 10 s. It replaces all that was
//! there: a key that is no longer in it is refused from then on. Keys that cannot be used (unknown kinds, weak,
//! private or symmetric ones, two of one `kid`) are skipped and counted. Whatever else comes, an empty list and a 304
//! without cause too, is a failure: the last good keys stay until `max_stale` (24 h) has passed since they were
//! good, and then, as before the first document, tokens of that issuer are not judged: 503, not 401.
//!
//! Without a JWKS URL, it is found in the issuer's metadata (RFC 8414 §3, then OpenID Connect Discovery §4), whose
//! `issuer` must be the configured one letter by letter (RFC 8414 §3.3). It is looked for again after a failure, and
//! once a day.
//!
//! URLs are `https`. An issuer on this machine's loopback may have `http`, and so may its JWKS URL there.
//! Redirects are not followed. What tokens say (`jku`, `x5u`, `jwk`) is never fetched or used.
//!
//! # Probes
//!
//! [`Jwt::is_ready`](crate::mechanism::Jwt::is_ready) is cheap; [`RemoteKeys::status`] says more, for each issuer.
//!
//! # Your own HTTP client
//!
//! The default one (feature `http-client`) is for this alone: no proxy, no HTTP/2, no connection kept. Another
//! one implements [`Fetch`]. The runtime must be tokio's, with its timer enabled.

mod attempt;
#[cfg(feature = "http-client")]
mod client;
mod error;
mod fetch;
mod issuer;
mod keys;
mod policy;
mod refresh;
mod schedule;
mod shared;
mod url;

pub use crate::url::UrlError;
#[cfg(feature = "http-client")]
pub use client::{HttpClient, RootsError};
pub use error::{FetchError, RemoteError};
pub use fetch::{Fetch, FetchedBody, TooLong};
pub use issuer::RemoteIssuer;
pub use keys::{KeyStatus, RemoteKeys, RemoteKeysBuilder};
pub use policy::RefreshPolicy;
