//! What keys and users have in common.

use countersign::directory::{CredentialKind, Issuers, Networks, Status};
use countersign::registry::{Change, CredentialFilter, Record, Registry as _, RegistryError};
use countersign::time::Timestamp;
use countersign::{Id, Scopes};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Operations, OpsError};
use crate::schema::{self, Rfc3339};

/// A key or a user, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CredentialResponse {
    #[schema(value_type = schema::Id)]
    pub(crate) id: Id,
    #[schema(value_type = String)]
    pub(crate) kind: CredentialKind,
    pub(crate) name: String,
    #[schema(value_type = schema::Id)]
    pub(crate) account_id: Id,
    #[schema(value_type = Option<schema::Id>, required = true)]
    pub(crate) environment_id: Option<Id>,
    #[schema(value_type = String)]
    pub(crate) status: Status,
    /// The reason for the revocation.
    #[schema(required = true)]
    pub(crate) reason: Option<String>,
    #[schema(value_type = Vec<schema::Scope>)]
    pub(crate) scopes: Scopes,
    /// The networks that the credential is accepted from; all if empty.
    #[schema(value_type = Vec<schema::Network>)]
    pub(crate) allow_from: Networks,
    /// The issuers that the credential may use; all if empty.
    #[schema(value_type = Vec<schema::IssuerName>)]
    pub(crate) issuers: Issuers,
    /// The credential that created a managed token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Id>)]
    pub(crate) created_by: Option<Id>,
    pub(crate) generation: u32,
    pub(crate) created_at: Rfc3339,
    pub(crate) updated_at: Rfc3339,
    #[schema(value_type = Option<schema::Time>, required = true)]
    pub(crate) expires_at: Rfc3339<Option<Timestamp>>,
    /// When the previous secret stops working.
    #[schema(value_type = Option<schema::Time>, required = true)]
    pub(crate) grace_until: Rfc3339<Option<Timestamp>>,
    #[schema(value_type = Option<schema::Time>, required = true)]
    pub(crate) last_used_at: Rfc3339<Option<Timestamp>>,
}

response_from!(Record => CredentialResponse {
    id, kind, name, account_id, environment_id, status, reason, scopes, allow_from, issuers,
    created_by, generation, created_at, updated_at, expires_at, grace_until, last_used_at
});

/// A page of keys.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyListResponse {
    pub(crate) keys: Vec<CredentialResponse>,
    /// Where the next page begins, if there is one.
    #[schema(value_type = Option<schema::Id>, required = true)]
    pub(crate) next: Option<Id>,
}

/// A page of users.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserListResponse {
    pub(crate) users: Vec<CredentialResponse>,
    /// Where the next page begins, if there is one.
    #[schema(value_type = Option<schema::Id>, required = true)]
    pub(crate) next: Option<Id>,
}

/// A page of managed tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ManagedTokenListResponse {
    pub(crate) managed_tokens: Vec<CredentialResponse>,
    /// Where the next page begins, if there is one.
    #[schema(value_type = Option<schema::Id>, required = true)]
    pub(crate) next: Option<Id>,
}

/// Cuts a list that was read with one item more than its page holds. Returns the page, and the cursor
/// of the next one.
pub(super) fn cut<T, C>(
    mut items: Vec<T>,
    limit: u32,
    cursor: impl Fn(&T) -> C,
) -> (Vec<T>, Option<C>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(cursor);
    (items, next)
}

impl Operations {
    /// Lists at most `limit` keys that come after `after`, oldest first.
    pub(crate) async fn list_keys(
        &self,
        after: Option<Id>,
        limit: u32,
    ) -> Result<KeyListResponse, OpsError> {
        let filter = CredentialFilter::of(CredentialKind::Key);
        let (keys, next) = self.list(filter, after, limit).await?;
        Ok(KeyListResponse { keys, next })
    }

    /// Lists at most `limit` users that come after `after`, oldest first.
    pub(crate) async fn list_users(
        &self,
        after: Option<Id>,
        limit: u32,
    ) -> Result<UserListResponse, OpsError> {
        let filter = CredentialFilter::of(CredentialKind::User);
        let (users, next) = self.list(filter, after, limit).await?;
        Ok(UserListResponse { users, next })
    }

    /// Lists at most `limit` managed tokens that come after `after`, oldest first: all, or those that a credential
    /// created.
    pub(crate) async fn list_managed_tokens(
        &self,
        created_by: Option<Id>,
        after: Option<Id>,
        limit: u32,
    ) -> Result<ManagedTokenListResponse, OpsError> {
        let mut filter = CredentialFilter::of(CredentialKind::Token);
        filter.created_by = created_by;
        let (managed_tokens, next) = self.list(filter, after, limit).await?;
        Ok(ManagedTokenListResponse {
            managed_tokens,
            next,
        })
    }

    async fn list(
        &self,
        filter: CredentialFilter,
        after: Option<Id>,
        limit: u32,
    ) -> Result<(Vec<CredentialResponse>, Option<Id>), OpsError> {
        let filter = filter.page(after, limit.saturating_add(1));
        let records = self.store.list(&self.caller, filter).await?;
        let (records, next) = cut(records, limit, |record| record.id);
        Ok((records.into_iter().map(Into::into).collect(), next))
    }

    /// Returns the credential of this kind and id.
    pub(crate) async fn show_credential(
        &self,
        kind: CredentialKind,
        id: Id,
    ) -> Result<CredentialResponse, OpsError> {
        Ok(self.find(kind, id).await?.into())
    }

    /// Changes the credential of this kind and id, and returns its new state.
    pub(crate) async fn change_credential(
        &self,
        kind: CredentialKind,
        id: Id,
        change: Change,
    ) -> Result<CredentialResponse, OpsError> {
        self.find(kind, id).await?;
        Ok(self.store.change(&self.caller, id, change).await?.into())
    }

    /// Returns the record of this kind and id. An id of another kind is not found.
    pub(super) async fn find(&self, kind: CredentialKind, id: Id) -> Result<Record, OpsError> {
        let record = self.store.show(&self.caller, id).await?;
        if record.kind == kind {
            Ok(record)
        } else {
            Err(RegistryError::NotFound.into())
        }
    }
}
