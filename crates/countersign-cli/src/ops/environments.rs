use countersign::BoxFuture;
use countersign::Id;
use countersign::directory::EnvironmentKind;
use countersign::registry::{Environment, NewEnvironment, Page, Registry as _};
use serde::Serialize;
use utoipa::ToSchema;

use super::page::{cut, one_more};
use super::{Operations, OpsError};
use crate::schema::{self, Rfc3339};

/// An environment of an account.
#[derive(Debug, Serialize, ToSchema)]
pub struct EnvironmentResponse {
    #[schema(value_type = schema::Id)]
    pub id: Id,
    #[schema(value_type = schema::Id)]
    pub account_id: Id,
    pub name: String,
    #[schema(value_type = String)]
    pub kind: EnvironmentKind,
    pub created_at: Rfc3339,
}

/// A page of the environments within the caller's reach.
#[derive(Debug, Serialize, ToSchema)]
pub struct EnvironmentListResponse {
    pub environments: Vec<EnvironmentResponse>,
    /// Where the next page begins, if there is one.
    #[schema(value_type = Option<schema::Id>, required = true)]
    pub next: Option<Id>,
}

response_from!(Environment => EnvironmentResponse { id, account_id, name, kind, created_at });

impl Operations {
    /// Lists a page of the environments that the caller can access, or of those of one account, oldest first.
    pub fn list_environments(
        &self,
        account: Option<Id>,
        page: Page,
    ) -> BoxFuture<'_, Result<EnvironmentListResponse, OpsError>> {
        Box::pin(async move {
            if let Some(id) = account {
                // Without this check, an account that does not exist would look like an empty one.
                self.show_account(id).await?;
            }
            let environments = self
                .store
                .list_environments(&self.caller, account, one_more(page));
            let (environments, next) = cut(environments.await?, page.limit, |one| one.id);
            let environments = environments.into_iter().map(Into::into).collect();
            Ok(EnvironmentListResponse { environments, next })
        })
    }

    /// Creates an environment.
    pub fn create_environment(
        &self,
        new: NewEnvironment,
    ) -> BoxFuture<'_, Result<EnvironmentResponse, OpsError>> {
        Box::pin(async move {
            let created = self.store.create_environment(&self.caller, new).await?;
            Ok(created.into())
        })
    }
}
