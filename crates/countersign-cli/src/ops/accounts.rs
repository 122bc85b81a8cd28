use countersign::BoxFuture;
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
pub struct AccountResponse {
    #[schema(value_type = schema::Id)]
    pub id: Id,
    pub name: String,
    #[schema(value_type = String)]
    pub status: Status,
    pub generation: u32,
    pub created_at: Rfc3339,
}

/// A page of the accounts within the caller's reach.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountListResponse {
    pub accounts: Vec<AccountResponse>,
    /// Where the next page begins, if there is one.
    #[schema(value_type = Option<schema::Id>, required = true)]
    pub next: Option<Id>,
}

response_from!(Account => AccountResponse { id, name, status, generation, created_at });

impl Operations {
    /// Lists a page of the accounts that the caller can access, oldest first.
    pub fn list_accounts(
        &self,
        page: Page,
    ) -> BoxFuture<'_, Result<AccountListResponse, OpsError>> {
        Box::pin(async move {
            let accounts = self.store.list_accounts(&self.caller, one_more(page));
            let (accounts, next) = cut(accounts.await?, page.limit, |account| account.id);
            let accounts = accounts.into_iter().map(Into::into).collect();
            Ok(AccountListResponse { accounts, next })
        })
    }

    /// Returns one account.
    pub fn show_account(&self, id: Id) -> BoxFuture<'_, Result<AccountResponse, OpsError>> {
        Box::pin(async move { Ok(self.store.show_account(&self.caller, id).await?.into()) })
    }

    /// Creates an account.
    pub fn create_account(&self, name: String) -> BoxFuture<'_, Result<AccountResponse, OpsError>> {
        Box::pin(async move {
            self.require_default_account()?;
            Ok(self.store.create_account(&self.caller, name).await?.into())
        })
    }

    /// Revokes an account, and with it all of its credentials and tokens.
    pub fn revoke_account(&self, id: Id) -> BoxFuture<'_, Result<AccountResponse, OpsError>> {
        Box::pin(async move {
            // An account that the caller cannot access is not found, even by a caller who may not revoke any.
            self.show_account(id).await?;
            self.require_default_account()?;
            Ok(self.store.revoke_account(&self.caller, id).await?.into())
        })
    }
}
