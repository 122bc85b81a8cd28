use countersign::Id;
use countersign::directory::Status;
use countersign::registry::{Account, Page, Registry as _};
use serde::Serialize;
use utoipa::ToSchema;

use super::page::{cut, one_more};
use super::{Operations, OpsError};
use crate::schema::{self, Rfc3339};

/// An account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountResponse {
    #[schema(value_type = schema::Id)]
    pub(crate) id: Id,
    pub(crate) name: String,
    #[schema(value_type = String)]
    pub(crate) status: Status,
    pub(crate) generation: u32,
    pub(crate) created_at: Rfc3339,
}

/// A page of the accounts within the caller's reach.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountListResponse {
    pub(crate) accounts: Vec<AccountResponse>,
    /// Where the next page begins, if there is one.
    #[schema(value_type = Option<schema::Id>, required = true)]
    pub(crate) next: Option<Id>,
}

response_from!(Account => AccountResponse { id, name, status, generation, created_at });

impl Operations {
    /// Lists a page of the accounts that the caller can access, oldest first.
    pub(crate) async fn list_accounts(&self, page: Page) -> Result<AccountListResponse, OpsError> {
        let accounts = self.store.list_accounts(&self.caller, one_more(page));
        let (accounts, next) = cut(accounts.await?, page.limit, |account| account.id);
        let accounts = accounts.into_iter().map(Into::into).collect();
        Ok(AccountListResponse { accounts, next })
    }

    /// Returns one account.
    pub(crate) async fn show_account(&self, id: Id) -> Result<AccountResponse, OpsError> {
        Ok(self.store.show_account(&self.caller, id).await?.into())
    }

    /// Creates an account.
    pub(crate) async fn create_account(&self, name: String) -> Result<AccountResponse, OpsError> {
        self.require_default_account()?;
        Ok(self.store.create_account(&self.caller, name).await?.into())
    }

    /// Revokes an account, and with it all of its credentials and tokens.
    pub(crate) async fn revoke_account(&self, id: Id) -> Result<AccountResponse, OpsError> {
        // An account that the caller cannot access is not found, even by a caller who may not revoke any.
        self.show_account(id).await?;
        self.require_default_account()?;
        Ok(self.store.revoke_account(&self.caller, id).await?.into())
    }
}
