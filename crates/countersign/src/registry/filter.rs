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
    /// The page of the list.
    pub page: Page,
}

impl CredentialFilter {
    /// Selects all credentials of one kind.
    #[must_use]
    pub const fn of(kind: CredentialKind) -> Self {
        Self {
            kind,
            account: None,
            created_by: None,
            page: Page::all(),
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

    /// Sets the page of the list.
    #[must_use]
    pub const fn page(mut self, page: Page) -> Self {
        self.page = page;
        self
    }
}

/// Selects a part of a list that is sorted by id, oldest first.
///
/// ```
/// use countersign::directory::MemoryDirectory;
/// use countersign::key::{Pepper, Peppers};
/// use countersign::random::SystemRandom;
/// use countersign::registry::{Caller, MemoryRegistry, Page, Registry};
/// use countersign::time::SystemClock;
/// use std::sync::Arc;
///
/// # tokio_test::block_on(async {
/// let peppers = Peppers::new(Pepper::new(1, &[7; 32])?, []);
/// let directory = Arc::new(MemoryDirectory::default());
/// let registry = MemoryRegistry::new(directory, peppers, SystemClock, SystemRandom)?;
/// let operator = Caller::operator("operator");
/// registry.create_account(&operator, "acme".to_owned()).await?;
///
/// let all = registry.list_accounts(&operator, Page::all()).await?;
/// let first = registry.list_accounts(&operator, Page::after(None, 1)).await?;
/// let next = registry.list_accounts(&operator, Page::after(Some(first[0].id), 1)).await?;
/// assert_eq!(all, [first, next].concat());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a place in a sorted list and a length are all that a page has"
)]
pub struct Page {
    /// The id after which the page begins; `None`: it begins with the oldest.
    pub after: Option<Id>,
    /// How many items it has at most.
    pub limit: u32,
}

impl Page {
    /// Selects the whole list.
    #[must_use]
    pub const fn all() -> Self {
        Self::after(None, u32::MAX)
    }

    /// Selects at most `limit` items, beginning after `after`.
    #[must_use]
    pub const fn after(after: Option<Id>, limit: u32) -> Self {
        Self { after, limit }
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
