use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::id::Id;
use crate::registry::{Session, SessionName};
use crate::scope::Scopes;
use crate::time::Timestamp;
use crate::token::{AccessToken, MintError};

/// The properties that identify a session: two requests for equal keys get the same session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a registry must compare every field"
)]
pub struct SessionKey {
    /// The issuer's URL.
    pub issuer: Arc<str>,
    /// The credential.
    pub credential: Id,
    /// The credential's generation.
    pub generation: u32,
    /// The name that the client chose, if any.
    pub name: Option<SessionName>,
    /// The token's scopes.
    pub scopes: Scopes,
    /// The token's audience, `aud`.
    pub audience: Arc<str>,
    /// The id of the signing key. A token is not returned again after its key was replaced.
    pub key_id: Arc<str>,
}

impl SessionKey {
    /// Returns the public description of a session with this key.
    #[must_use]
    pub fn session(&self, id: Id, issued_at: Timestamp, expires_at: Timestamp) -> Session {
        Session {
            id,
            issuer: Arc::clone(&self.issuer),
            name: self.name.clone(),
            scopes: self.scopes.clone(),
            issued_at,
            expires_at,
        }
    }
}

/// A request for the token of a session, from a [`SessionMint`](crate::mint::SessionMint).
#[non_exhaustive]
pub struct SessionRequest<'a> {
    /// The session.
    pub key: SessionKey,
    /// The account that the credential belongs to.
    pub account: Id,
    /// The time of the request.
    pub now: Timestamp,
    /// The longest remaining lifetime of a token that may be returned again. A stored token that
    /// expires later was minted with other settings or by another clock.
    pub max_lifetime: Duration,
    /// How many sessions of one credential may exist at once.
    pub max_sessions: u32,
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

/// A newly minted session token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionToken {
    /// The session's id, `sid`.
    pub session: Id,
    /// When the token was issued, `iat`.
    pub issued_at: Timestamp,
    /// Until when the token is returned again.
    pub reuse_until: Timestamp,
    /// The token.
    pub token: AccessToken,
}
