//! `/whoami`: shows who is calling.

use countersign::{Id, Principal, Scopes};
use serde::Serialize;
use utoipa::ToSchema;

use super::json::Json;
use crate::schema::{self, Rfc3339};

/// The principal of the request.
#[derive(Serialize, ToSchema)]
pub(super) struct WhoamiResponse {
    subject: String,
    scheme: &'static str,
    #[schema(value_type = Option<schema::Id>, required = true)]
    credential_id: Option<Id>,
    #[schema(value_type = Option<schema::Id>, required = true)]
    account_id: Option<Id>,
    #[schema(value_type = Option<schema::Id>, required = true)]
    environment_id: Option<Id>,
    #[schema(value_type = Vec<schema::Scope>)]
    scopes: Scopes,
    #[schema(required = true)]
    issuer: Option<String>,
    #[schema(value_type = Option<schema::Id>, required = true)]
    session_id: Option<Id>,
    #[schema(required = true)]
    expires_at: Option<Rfc3339>,
}

/// Returns the principal of the request.
pub(super) async fn whoami(principal: Principal) -> Json<WhoamiResponse> {
    Json(WhoamiResponse {
        subject: principal.subject().to_owned(),
        scheme: principal.scheme().as_str(),
        credential_id: principal.credential_id().copied(),
        account_id: principal.account().copied(),
        environment_id: principal.environment().copied(),
        scopes: principal.scopes().clone(),
        issuer: principal.issuer().map(str::to_owned),
        session_id: principal.session().copied(),
        expires_at: principal.expires_at().map(Rfc3339),
    })
}
