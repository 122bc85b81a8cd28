use countersign::Id;
use countersign::directory::EnvironmentKind;
use countersign::registry::{Environment, NewEnvironment, Registry as _};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Operations, OpsError};
use crate::schema::{self, Rfc3339};

/// An environment of an account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EnvironmentResponse {
    #[schema(value_type = schema::Id)]
    pub(crate) id: Id,
    #[schema(value_type = schema::Id)]
    pub(crate) account_id: Id,
    pub(crate) name: String,
    #[schema(value_type = String)]
    pub(crate) kind: EnvironmentKind,
    pub(crate) created_at: Rfc3339,
}

/// Environments within the caller's reach.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EnvironmentListResponse {
    pub(crate) environments: Vec<EnvironmentResponse>,
}

response_from!(Environment => EnvironmentResponse { id, account_id, name, kind, created_at });

impl Operations {
    /// Lists the environments that the caller can access, or those of one account.
    pub(crate) async fn list_environments(
        &self,
        account: Option<Id>,
    ) -> Result<EnvironmentListResponse, OpsError> {
        if let Some(id) = account {
            // Without this check, an account that does not exist would look like an empty one.
            self.show_account(id).await?;
        }
        let environments = self.store.list_environments(&self.caller).await?;
        let environments = environments
            .into_iter()
            .filter(|one| account.is_none_or(|account| one.account_id == account))
            .map(Into::into)
            .collect();
        Ok(EnvironmentListResponse { environments })
    }

    /// Creates an environment.
    pub(crate) async fn create_environment(
        &self,
        new: NewEnvironment,
    ) -> Result<EnvironmentResponse, OpsError> {
        let created = self.store.create_environment(&self.caller, new).await?;
        Ok(created.into())
    }
}
