use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::BoxFuture;
use crate::id::Id;
use crate::registry::{Caller, RegistryError};
use crate::scope::Scopes;
use crate::time::Timestamp;
use crate::token::{AccessToken, MintError};

/// Keeps sessions: for as long as a session's token is valid, whoever asks for the session gets that token.
///
/// What can be presented is never kept in clear.
pub trait Sessions: Send + Sync + 'static {
    /// The token of a session: the one that is kept, else the one that `opening` makes, which is kept before this
    /// returns. Of several that ask at the same instant, on whichever nodes, all get the same.
    fn open<'a>(
        &'a self,
        opening: SessionRequest<'a>,
    ) -> BoxFuture<'a, Result<AccessToken, SessionError>>;

    /// A credential's sessions whose tokens have not expired at `now`, oldest first.
    fn list_sessions<'a>(
        &'a self,
        caller: &'a Caller,
        credential: Id,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Session>, RegistryError>>;

    /// Ends sessions of a credential: their tokens are refused from now on. [`RegistryError::NotFound`] when there
    /// is none.
    fn end_sessions<'a>(
        &'a self,
        caller: &'a Caller,
        credential: Id,
        which: SessionSelector,
    ) -> BoxFuture<'a, Result<(), RegistryError>>;
}

/// Two requests are for the same session when all of this is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "all that tells one session from another"
)]
pub struct SessionKey {
    /// The issuer's URL.
    pub issuer: Arc<str>,
    /// The credential.
    pub credential: Id,
    /// The credential's generation.
    pub generation: u32,
    /// The name that the client gave it, where it gave one.
    pub name: Option<SessionName>,
    /// What the token may do.
    pub scopes: Scopes,
    /// Whom the token is for, `aud`.
    pub audience: Arc<str>,
    /// The signing key: a session's token is not handed out once its key signs no more.
    pub key_id: Arc<str>,
}

/// What is asked of [`Sessions::open`].
#[expect(clippy::exhaustive_structs, reason = "made by the mint alone")]
pub struct SessionRequest<'a> {
    /// Which session.
    pub key: SessionKey,
    /// The account that it belongs to.
    pub account: Id,
    /// The moment of asking.
    pub now: Timestamp,
    /// The longest that a token may live from now on: one that was minted on other terms, or by another clock, is
    /// not handed out.
    pub longest: Duration,
    /// So many sessions of a credential live at once.
    pub limit: u32,
    /// Mints the token of a new session.
    pub mint: &'a (dyn Fn() -> Result<SessionToken, MintError> + Send + Sync),
}

impl fmt::Debug for SessionRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionRequest")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// A session's token, just minted.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a token of a session")]
pub struct SessionToken {
    /// The session's id: `sid`.
    pub session: Id,
    /// When it was issued: `iat`.
    pub issued_at: Timestamp,
    /// Until when it is handed out again.
    pub reuse_until: Timestamp,
    /// The token.
    pub token: AccessToken,
}

/// A session, for people and for its owner: no token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session {
    /// Its id, `sid` of its token.
    pub id: Id,
    /// The issuer's URL.
    pub issuer: Arc<str>,
    /// The name that the client gave it.
    pub name: Option<SessionName>,
    /// What its token may do.
    pub scopes: Scopes,
    /// When its token was issued.
    pub issued_at: Timestamp,
    /// When its token expires.
    pub expires_at: Timestamp,
}

impl Session {
    /// A session.
    #[must_use]
    pub fn new(id: Id, key: &SessionKey, issued_at: Timestamp, expires_at: Timestamp) -> Self {
        Self {
            id,
            issuer: Arc::clone(&key.issuer),
            name: key.name.clone(),
            scopes: key.scopes.clone(),
            issued_at,
            expires_at,
        }
    }
}

/// Which sessions to end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionSelector {
    /// The one of this id.
    Id(Id),
    /// Those of this name, which are several where scopes or issuers differ.
    Named(SessionName),
}

/// The name that a client gives a session: 1 to 128 visible ASCII characters.
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
    /// The name.
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

/// What is no session's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidSessionName;

impl fmt::Display for InvalidSessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a session's name is 1 to 128 visible ASCII characters")
    }
}

impl Error for InvalidSessionName {}

/// Why there is no token for a session.
#[derive(Debug)]
#[non_exhaustive]
pub enum SessionError {
    /// It could not be minted.
    Mint(MintError),
    /// As many sessions live as may. The first of them ends at this moment.
    TooMany(Timestamp),
    /// Sessions could not be read or written.
    Unavailable(Box<dyn Error + Send + Sync>),
}

impl From<MintError> for SessionError {
    fn from(error: MintError) -> Self {
        Self::Mint(error)
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mint(error) => error.fmt(f),
            Self::TooMany(_) => f.write_str("as many sessions of the credential live as may"),
            Self::Unavailable(source) => write!(f, "the sessions cannot be reached: {source}"),
        }
    }
}

impl Error for SessionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Mint(error) => Some(error),
            Self::Unavailable(source) => Some(&**source),
            Self::TooMany(_) => None,
        }
    }
}
