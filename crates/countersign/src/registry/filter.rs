use crate::directory::CredentialKind;
use crate::id::Id;
use crate::time::Timestamp;

/// Selects the credentials to list.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct CredentialFilter {
    /// The kind.
    pub kind: CredentialKind,
    /// The account; `None`: all that the caller can access.
    pub account: Option<Id>,
    /// The credential that created them; `None`: any, or none.
    pub created_by: Option<Id>,
    /// The credential after which the list begins; `None`: the list begins with the oldest.
    pub after: Option<Id>,
    /// How many credentials are listed at most.
    pub limit: u32,
}

impl CredentialFilter {
    /// Selects all credentials of one kind.
    #[must_use]
    pub const fn of(kind: CredentialKind) -> Self {
        Self {
            kind,
            account: None,
            created_by: None,
            after: None,
            limit: u32::MAX,
        }
    }

    /// Sets the account.
    #[must_use]
    pub const fn account(mut self, account: Id) -> Self {
        self.account = Some(account);
        self
    }

    /// Sets the credential that created them.
    #[must_use]
    pub const fn created_by(mut self, creator: Id) -> Self {
        self.created_by = Some(creator);
        self
    }

    /// Selects at most `limit` credentials, beginning after `after`.
    #[must_use]
    pub const fn page(mut self, after: Option<Id>, limit: u32) -> Self {
        self.after = after;
        self.limit = limit;
        self
    }
}

/// A token that is denied although its signature is valid, by its registered claims (RFC 7519 §4.1).
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "issuer and id identify a token, the rest says who may deny it and until when"
)]
pub struct DeniedToken {
    /// The issuer, `iss`.
    pub issuer: String,
    /// The token's id, `jti`.
    pub token: Id,
    /// The account that the token belongs to.
    pub account: Id,
    /// When the token expires, `exp`.
    pub expires_at: Timestamp,
}
