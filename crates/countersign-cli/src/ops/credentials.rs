//! What keys and users have in common.

use countersign::BoxFuture;
use countersign::directory::{CredentialKind, Issuers, Networks, Status};
use countersign::registry::{Change, CredentialFilter, Page, Record, Registry as _, RegistryError};
use countersign::time::Timestamp;
use countersign::{Id, Scopes};
use serde::Serialize;
use utoipa::ToSchema;

use super::page::{cut, fitting, one_more};
use super::{Operations, OpsError};
use crate::schema::{self, Rfc3339};

/// A key or a user, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct CredentialResponse {
    #[schema(value_type = schema::Id)]
    pub id: Id,
    #[schema(value_type = String)]
    pub kind: CredentialKind,
    pub name: String,
    #[schema(value_type = schema::Id)]
    pub account_id: Id,
    #[schema(value_type = Option<schema::Id>, required = true)]
    pub environment_id: Option<Id>,
    #[schema(value_type = String)]
    pub status: Status,
    /// The reason for the revocation.
    #[schema(required = true)]
    pub reason: Option<String>,
    #[schema(value_type = Vec<schema::Scope>)]
    pub scopes: Scopes,
    /// The networks that the credential is accepted from; all if empty.
    #[schema(value_type = Vec<schema::Network>)]
    pub allow_from: Networks,
    /// The issuers that the credential may use; all if empty.
    #[schema(value_type = Vec<schema::IssuerName>)]
    pub issuers: Issuers,
    /// The credential that created this one; absent if the operator did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Id>)]
    pub created_by: Option<Id>,
    pub generation: u32,
    pub created_at: Rfc3339,
    pub updated_at: Rfc3339,
    #[schema(value_type = Option<schema::Time>, required = true)]
    pub expires_at: Rfc3339<Option<Timestamp>>,
    /// When the previous secret stops working.
    #[schema(value_type = Option<schema::Time>, required = true)]
    pub grace_until: Rfc3339<Option<Timestamp>>,
    #[schema(value_type = Option<schema::Time>, required = true)]
    pub last_used_at: Rfc3339<Option<Timestamp>>,
}

response_from!(Record => CredentialResponse {
    id, kind, name, account_id, environment_id, status, reason, scopes, allow_from, issuers,
    created_by, generation, created_at, updated_at, expires_at, grace_until, last_used_at
});

/// A page of keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyListResponse {
    pub keys: Vec<CredentialResponse>,
    /// Where the next page begins, if there is one.
    #[schema(value_type = Option<schema::Id>, required = true)]
    pub next: Option<Id>,
}

/// A page of users.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserListResponse {
    pub users: Vec<CredentialResponse>,
    /// Where the next page begins, if there is one.
    #[schema(value_type = Option<schema::Id>, required = true)]
    pub next: Option<Id>,
}

/// A page of managed tokens.
#[derive(Debug, Serialize, ToSchema)]
pub struct ManagedTokenListResponse {
    pub managed_tokens: Vec<CredentialResponse>,
    /// Where the next page begins, if there is one.
    #[schema(value_type = Option<schema::Id>, required = true)]
    pub next: Option<Id>,
}

impl Operations {
    /// Lists a page of the keys, oldest first: all, or those that a credential created.
    pub fn list_keys(
        &self,
        created_by: Option<Id>,
        page: Page,
    ) -> BoxFuture<'_, Result<KeyListResponse, OpsError>> {
        Box::pin(async move {
            let (keys, next) = self.list(CredentialKind::Key, created_by, page).await?;
            Ok(KeyListResponse { keys, next })
        })
    }

    /// Lists a page of the users, oldest first: all, or those that a credential created.
    pub fn list_users(
        &self,
        created_by: Option<Id>,
        page: Page,
    ) -> BoxFuture<'_, Result<UserListResponse, OpsError>> {
        Box::pin(async move {
            let (users, next) = self.list(CredentialKind::User, created_by, page).await?;
            Ok(UserListResponse { users, next })
        })
    }

    /// Lists a page of the managed tokens, oldest first: all, or those that a credential created.
    pub fn list_managed_tokens(
        &self,
        created_by: Option<Id>,
        page: Page,
    ) -> BoxFuture<'_, Result<ManagedTokenListResponse, OpsError>> {
        Box::pin(async move {
            let (managed_tokens, next) = self.list(CredentialKind::Token, created_by, page).await?;
            Ok(ManagedTokenListResponse {
                managed_tokens,
                next,
            })
        })
    }

    pub(super) async fn list(
        &self,
        kind: CredentialKind,
        created_by: Option<Id>,
        page: Page,
    ) -> Result<(Vec<CredentialResponse>, Option<Id>), OpsError> {
        let mut filter = CredentialFilter::of(kind).page(one_more(page));
        filter.created_by = created_by;
        let records = self.store.list(&self.caller, filter).await?;
        let records: Vec<CredentialResponse> = records.into_iter().map(Into::into).collect();
        let limit = fitting(&records, page);
        Ok(cut(records, limit, |record| record.id))
    }

    /// Returns the credential of this kind and id.
    pub fn show_credential(
        &self,
        kind: CredentialKind,
        id: Id,
    ) -> BoxFuture<'_, Result<CredentialResponse, OpsError>> {
        Box::pin(async move { Ok(self.find(kind, id).await?.into()) })
    }

    /// Changes the credential of this kind and id, and returns its new state.
    pub fn change_credential(
        &self,
        kind: CredentialKind,
        id: Id,
        change: Change,
    ) -> BoxFuture<'_, Result<CredentialResponse, OpsError>> {
        Box::pin(async move {
            self.find(kind, id).await?;
            Ok(self.store.change(&self.caller, id, change).await?.into())
        })
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
