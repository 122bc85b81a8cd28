use crate::id::Id;
use crate::scope::Scopes;
use crate::secret::Secret;
use crate::time::Timestamp;

/// A minted token. Its `Debug` output does not contain the token.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The token.
    pub token: Secret,
    /// The token id, `jti`.
    pub id: Id,
    /// When the token expires: not later than the credential that it was minted from.
    pub expires_at: Timestamp,
    /// The lifetime in seconds.
    pub expires_in: u64,
    /// The scopes.
    pub scopes: Scopes,
}
