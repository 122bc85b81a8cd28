//! What keys and users have in common.

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
    /// The credential that created this one; absent if the operator did.
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

impl Operations {
    /// Lists a page of the keys, oldest first: all, or those that a credential created.
    pub(crate) async fn list_keys(
        &self,
        created_by: Option<Id>,
        page: Page,
    ) -> Result<KeyListResponse, OpsError> {
        let (keys, next) = self.list(CredentialKind::Key, created_by, page).await?;
        Ok(KeyListResponse { keys, next })
    }

    /// Lists a page of the users, oldest first: all, or those that a credential created.
    pub(crate) async fn list_users(
        &self,
        created_by: Option<Id>,
        page: Page,
    ) -> Result<UserListResponse, OpsError> {
        let (users, next) = self.list(CredentialKind::User, created_by, page).await?;
        Ok(UserListResponse { users, next })
    }

    /// Lists a page of the managed tokens, oldest first: all, or those that a credential created.
    pub(crate) async fn list_managed_tokens(
        &self,
        created_by: Option<Id>,
        page: Page,
    ) -> Result<ManagedTokenListResponse, OpsError> {
        let (managed_tokens, next) = self.list(CredentialKind::Token, created_by, page).await?;
        Ok(ManagedTokenListResponse {
            managed_tokens,
            next,
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
