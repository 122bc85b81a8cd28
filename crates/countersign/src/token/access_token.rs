use crate::id::Id;
use crate::scope::Scopes;
use crate::secret::Secret;
use crate::time::Timestamp;

/// A minted token. Printing it shows everything but the token.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The token itself.
    pub token: Secret,
    /// Its id, `jti`.
    pub id: Id,
    /// When it expires. Never later than the credential that it was minted from.
    pub expires_at: Timestamp,
    /// How many seconds it lives.
    pub expires_in: u64,
    /// Its scopes.
    pub scopes: Scopes,
}
