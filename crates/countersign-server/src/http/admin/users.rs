use axum::extract::State;
use countersign::directory::CredentialKind;
use countersign::{Id, Secret};
use countersign_cli::ops::{CredentialResponse, UserListResponse};
use countersign_cli::schema;
use serde::Deserialize;
use utoipa::ToSchema;

use super::administrator::Administrator;
use super::body::secret;
use super::error::Result;
use super::path::{CredentialQuery, Path, Query};
use super::{Admin, PATH, credentials, fields};
use crate::http::json::{Created, Json};
use crate::http::openapi::{Routes, get, post};

pub(super) fn routes(admin: &Admin) -> Routes {
    Routes::of([
        get("/users", "users_list", list)
            .summary("List the users that the caller can access, oldest first"),
        post("/users", "users_create", create).summary("Create a user"),
        post("/users/{id}/password", "users_password", set_password)
            .summary("Set a user's password"),
    ])
    .map_router(|router| router.with_state(admin.clone()))
    .merge(credentials::routes(CredentialKind::User, "users"))
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

async fn list(
    Administrator(operations): Administrator,
    Query(query): Query<CredentialQuery>,
) -> Result<Json<UserListResponse>> {
    let users = operations.list_users(query.created_by, query.page());
    Ok(Json(users.await?))
}

async fn create(
    State(admin): State<Admin>,
    Administrator(operations): Administrator,
    Json(new): Json<CreateUserRequest>,
) -> Result<Created<CredentialResponse>> {
    let name = new.name.parse();
    let name = name.map_err(fields::invalid("invalid_name", "`name` is invalid"))?;
    let scopes = fields::scopes(&new.scopes)?;
    let owner = fields::owner(new.account_id.as_deref(), new.environment_id.as_deref())?;
    let account = operations.account().copied();
    let hash = admin.0.passwords.hash(account, new.password);
    let issuers = new.issuers.unwrap_or_default();
    let user = operations.create_user(name, scopes, owner, &issuers, hash);
    let user = user.await?;
    Ok(Created(format!("{PATH}/users/{}", user.id), user))
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
    Administrator(operations): Administrator,
    Path(id): Path<Id>,
    Json(new): Json<SetPasswordRequest>,
) -> Result<Json<CredentialResponse>> {
    let account = operations.account().copied();
    let hash = admin.0.passwords.hash(account, new.password);
    Ok(Json(operations.set_password(id, hash).await?))
}
