#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod ascii;
pub mod auth;
pub mod client_address;
pub mod credentials;
pub mod dangerous;
mod der;
pub mod directory;
#[cfg(any(feature = "file", feature = "tls"))]
mod disk;
#[cfg(feature = "axum")]
pub mod extract;
#[cfg(feature = "feed")]
pub mod feed;
#[cfg(feature = "file")]
pub mod file;
pub mod id;
pub mod jose;
pub mod json;
pub mod key;
pub mod limit;
pub mod mechanism;
pub mod mint;
pub mod principal;
pub mod random;
mod reason;
pub mod registry;
pub mod rejection;
#[cfg(feature = "remote")]
pub mod remote;
pub mod require;
pub mod scope;
mod secret;
#[cfg(feature = "testing")]
pub mod testing;
pub mod time;
#[cfg(feature = "tls")]
pub mod tls;
pub mod token;
pub mod url;

pub use auth::AuthLayer;
pub use id::Id;
pub use principal::{PrimaryPrincipal, Principal};
pub use require::require;
pub use scope::{Scope, Scopes};
pub use secret::Secret;

/// A boxed future, for traits that are used as trait objects.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
