use axum::extract::State;
use axum::http::StatusCode;
use countersign::Secret;
use countersign::directory::CredentialKind;
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::{Json, secret};
use super::error::AdminError;
use super::path::PathId;
use super::response::{self, HandlerResult};
use super::{Admin, credentials, fields};
use crate::http::openapi::{Routes, post};
use crate::ops::{CredentialResponse, Operations};
use crate::schema;

pub(super) fn routes(admin: &Admin) -> Routes {
    let create = post("users_create", "Create a user", create)
        .creates::<CredentialResponse>("the new user")
        .may(
            StatusCode::NOT_FOUND,
            "the account or environment was not found",
        )
        .may(
            StatusCode::CONFLICT,
            "another user has this name, or the account's status does not allow it",
        );
    let password = post("users_password", "Set a user's password", set_password)
        .answers::<CredentialResponse>("the user")
        .may(StatusCode::CONFLICT, credentials::STATUS_CONFLICT);
    Routes::new()
        .at("/users", [create])
        .at("/users/{id}/password", [password])
        .with_state(admin.clone())
        .merge(credentials::routes(CredentialKind::User))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateUserRequest {
    #[schema(value_type = schema::UserName)]
    name: String,
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = schema::Password)]
    password: Secret,
    #[schema(value_type = Vec<schema::Scope>)]
    scopes: Vec<String>,
    #[schema(value_type = Option<schema::Id>)]
    account_id: Option<String>,
    #[schema(value_type = Option<schema::Id>)]
    environment_id: Option<String>,
    #[schema(value_type = Option<Vec<schema::IssuerName>>)]
    issuers: Option<Vec<String>>,
}

async fn create(
    State(admin): State<Admin>,
    operations: Operations,
    Json(new): Json<CreateUserRequest>,
) -> HandlerResult {
    let name = new.name.parse().map_err(|error| {
        AdminError::invalid("invalid_name", format!("`name` is invalid: {error}."))
    })?;
    let scopes = fields::scopes(&new.scopes)?;
    let owner = fields::owner(new.account_id.as_deref(), new.environment_id.as_deref())?;
    let account = operations.account().copied();
    let hash = admin.0.passwords.hash(account, new.password);
    let issuers = new.issuers.unwrap_or_default();
    let created = operations.create_user(name, scopes, owner, &issuers, hash);
    let created = created.await?;
    response::created(&format!("/users/{}", created.id), &created)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetPasswordRequest {
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = schema::Password)]
    password: Secret,
}

async fn set_password(
    State(admin): State<Admin>,
    operations: Operations,
    PathId(id): PathId,
    Json(new): Json<SetPasswordRequest>,
) -> HandlerResult {
    let account = operations.account().copied();
    let hash = admin.0.passwords.hash(account, new.password);
    response::json(&operations.set_password(id, hash).await?)
}
