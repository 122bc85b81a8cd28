//! The feed: what an issuer denies, the keys that it signs with and its API keys, for services that authenticate without its
//! database (feature `feed`).
//!
//! A [`Feed`] follows an issuer over HTTP. The service rejects a token some milliseconds after its credential was revoked, and
//! needs neither the database nor the master key, but an API key with the scope `feed:denials`.
//!
//! ```no_run
//! use countersign::auth::AuthLayer;
//! use countersign::feed::Feed;
//! use countersign::mechanism::Jwt;
//! use countersign::Secret;
//!
//! # #[cfg(feature = "http-client")]
//! # async fn layer() -> Result<AuthLayer, Box<dyn std::error::Error>> {
//! let key = Secret::from(std::env::var("FEED_KEY")?);
//! let feed = Feed::connect("https://auth.example", &key)?;
//! let issuer = feed.trusted().audience("https://auth.example").build()?;
//! let layer = AuthLayer::builder().mechanism(Jwt::new([issuer])).build()?;
//!
//! // Until the first answer, requests are rejected with 503.
//! feed.ready().await;
//! # Ok(layer)
//! # }
//! ```
//!
//! Tokens that live for minutes are accepted: access tokens of every wire. Managed tokens are not, because their records are not
//! in the feed.
//!
//! # API keys
//!
//! A feed that is built with [`credentials`](FeedBuilder::credentials) contains the API keys of the issuer too, and its key has the
//! scope `feed:credentials`. The service authenticates them itself, and a change of a key takes effect as fast as a revocation:
//!
//! ```no_run
//! use countersign::auth::AuthLayer;
//! use countersign::feed::Feed;
//! use countersign::Secret;
//!
//! # #[cfg(feature = "http-client")]
//! # async fn layer(key: &Secret) -> Result<AuthLayer, Box<dyn std::error::Error>> {
//! let feed = Feed::builder("https://auth.example").credentials().connect(key)?;
//! let layer = AuthLayer::builder().primary(feed.api_keys()).primary(feed.basic()).build()?;
//! # Ok(layer)
//! # }
//! ```
//!
//! Users are not in the feed, because password hashes never leave the issuer: a name and password get 503. The number of keys that
//! are in memory is [limited](FeedBuilder::max_credentials).
//!
//! # When what is known may be used
//!
//! The view is fresh for [`max_staleness`](FeedBuilder::max_staleness) (5 s) after a question was *sent* whose answer contains
//! everything up to the head of the change log, minus the age that the answer states: how long before it the issuer compared its own
//! view with the primary database. The clock also runs while the machine sleeps. A view that is not fresh decides nothing: requests
//! get 503 with `Retry-After`, not 401. It is not fresh before the first answer since the start of the process.
//!
//! So no request is accepted with a token whose credential was revoked more than the bound before it, whatever fails. An issuer that
//! restarts within the bound is not noticed. While the issuer answers, a revocation takes effect within milliseconds: each question
//! waits at the issuer until there is a change.
//!
//! # Which answers are accepted
//!
//! A [`FeedMessage`] must be signed with a key of the feed, which signs nothing else, and contain the nonce of the question, so that
//! no earlier answer is accepted. Its issuer must be the configured one, its database that of the answers before, and its records those
//! that were signed. Changes must continue what is known without a gap, and nothing may be older than what is known. A message that
//! is longer than [`max_bytes`](FeedBuilder::max_bytes) is rejected while it is read. What was known before such an answer stays in use until it
//! is too old. A restored backup begins a new history; earlier denials stay in force then, because the backup may lack them.
//!
//! # Keys
//!
//! The keys of the issuer are in every answer. A revoked key is rejected as fast as a revoked credential. If a signing key is revoked, its
//! successor signs at once: its first tokens may get 401 for some milliseconds, until the feed has brought its public part.
//!
//! # Security
//!
//! Without API keys, the feed contains ids and numbers, and no secrets. With them, it contains the digests of their secrets, and the
//! peppers with which these were made: they suffice to verify a key and not to make one, because a secret has 256 random bits. Keys
//! that were imported from another system may have fewer. The memory for messages and peppers is overwritten after its use. The feed
//! is followed over `https`, or over `http` on the loopback. The keys of the
//! feed are fetched from the issuer, every minute, unless they are [set](FeedBuilder::feed_keys). A feed with the credential of an account other than the
//! default one of the server is restricted to that account, and rejects the tokens of all others.

mod client;
mod credentials;
mod directory;
mod error;
mod follow;
mod key_record;
mod message;
mod records;
mod source;
mod view;

pub use client::{Feed, FeedBuilder, FeedStatus};
pub use error::{ConnectError, FeedError, Refusal};
pub use message::{FeedCredentials, FeedMessage};

/// The path of the feed below the URL of an issuer.
pub const PATH: &str = "/v1/feed";
/// The path of the feed with API keys below the URL of an issuer.
pub const CREDENTIALS_PATH: &str = "/v1/feed/credentials";
/// The path of the keys of the feed below the URL of an issuer.
pub const KEYS_PATH: &str = "/v1/feed/keys";
/// The media type of a [`FeedMessage`].
pub const MEDIA_TYPE: &str = "application/vnd.countersign.feed";
/// The scope that the credential of a verifier needs.
pub const SCOPE: &str = "feed:denials";
/// The scope that it needs for the feed with API keys.
pub const CREDENTIALS_SCOPE: &str = "feed:credentials";
