#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod challenge;
mod credentials;
mod discovery;
mod error;
mod format;
mod layer;
mod origin;
mod replay;
mod service;
mod source;
#[cfg(feature = "testing")]
pub mod testing;
mod token;
mod token_request;
mod tokens;
mod transport;

pub use credentials::Credentials;
pub use error::{TokenError, TokenErrorKind};
pub use layer::BearerLayer;
pub use origin::{Origin, OriginError};
pub use replay::{CloneBody, EmptyBody, Replay};
pub use service::{BearerFuture, BearerService};
pub use token::Token;
pub use token_request::TokenRequest;
pub use tokens::{BuildError, Tokens, TokensBuilder};

/// The error of a boxed service, as in tower.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
