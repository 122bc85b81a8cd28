use std::error::Error;
use std::str::FromStr;
use std::sync::Arc;

use crate::BoxFuture;
use crate::id::Id;
use crate::registry::backend::SessionRequest;
use crate::registry::{Caller, RegistryFuture};
use crate::scope::Scopes;
use crate::time::Timestamp;
use crate::token::{AccessToken, MintError};

/// Stores sessions: while the token of a session is valid, every request for the session gets that
/// token. Tokens are stored encrypted.
pub trait Sessions: Send + Sync + 'static {
    /// Returns the stored token of a session, or mints one and stores it before this returns.
    /// Concurrent requests, on all nodes, get the same token.
    fn open<'a>(
        &'a self,
        request: SessionRequest<'a>,
    ) -> BoxFuture<'a, Result<AccessToken, SessionError>>;

    /// Returns a credential's sessions whose tokens have not expired at `now`, oldest first.
    fn list_sessions<'a>(
        &'a self,
        caller: &'a Caller,
        credential: Id,
        now: Timestamp,
    ) -> RegistryFuture<'a, Vec<Session>>;

    /// Ends sessions of a credential: their tokens are rejected from now on.
    ///
    /// # Errors
    ///
    /// Returns [`RegistryError::NotFound`](super::RegistryError::NotFound) if no session matches.
    fn end_sessions<'a>(
        &'a self,
        caller: &'a Caller,
        credential: Id,
        which: SessionSelector,
    ) -> RegistryFuture<'a, ()>;
}

/// The description of a session, without its token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session {
    /// The session's id, `sid`.
    pub id: Id,
    /// The issuer's URL.
    pub issuer: Arc<str>,
    /// The name that the client chose, if any.
    pub name: Option<SessionName>,
    /// The token's scopes.
    pub scopes: Scopes,
    /// When the token was issued.
    pub issued_at: Timestamp,
    /// When the token expires.
    pub expires_at: Timestamp,
}

/// Selects the sessions to end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionSelector {
    /// The session with this id.
    Id(Id),
    /// All sessions with this name. There are several if scopes or issuers differ.
    Named(SessionName),
}

/// A session's name, chosen by the client: 1 to 128 visible ASCII characters.
///
/// ```
/// use countersign::registry::SessionName;
///
/// assert!("worker-7".parse::<SessionName>().is_ok());
/// assert!("".parse::<SessionName>().is_err() && "a b".parse::<SessionName>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionName(Arc<str>);

impl SessionName {
    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SessionName {
    type Err = InvalidSessionName;

    fn from_str(text: &str) -> Result<Self, InvalidSessionName> {
        let fits = (1..=128).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidSessionName)
        }
    }
}

/// The text is not a valid session name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a session name must have 1 to 128 visible ASCII characters")]
pub struct InvalidSessionName;

/// An error of [`Sessions::open`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The token could not be minted.
    #[error("{0}")]
    Mint(#[from] MintError),
    /// The credential has as many sessions as it may have. The first of them ends at this time.
    #[error("the credential has too many sessions: end one, or wait until one expires")]
    TooMany(Timestamp),
    /// The sessions could not be read or written.
    #[error("the sessions are unavailable: {0}")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}
