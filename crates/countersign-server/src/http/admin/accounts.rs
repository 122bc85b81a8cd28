use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::{EmptyBody, Json, OptionalJson};
use super::fields;
use super::path::PathId;
use super::response::{self, HandlerResult};
use crate::http::openapi::{Routes, get, post};
use crate::ops::{AccountListResponse, AccountResponse, Operations};
use crate::schema;

pub(super) fn routes() -> Routes {
    let list = get(
        "accounts_list",
        "List the accounts that the caller can access",
        list,
    )
    .answers::<AccountListResponse>("the accounts");
    let create = post("accounts_create", "Create an account", create)
        .creates::<AccountResponse>("the new account")
        .may(StatusCode::CONFLICT, "another account has this name");
    let show =
        get("accounts_show", "Show an account", show).answers::<AccountResponse>("the account");
    let revoke = post(
        "accounts_revoke",
        "Revoke an account and all of its credentials, permanently",
        revoke,
    )
    .answers::<AccountResponse>("the revoked account")
    .may(
        StatusCode::CONFLICT,
        "the account's status does not allow it",
    );
    Routes::new()
        .at("/accounts", [list, create])
        .at("/accounts/{id}", [show])
        .at("/accounts/{id}/revoke", [revoke])
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateAccountRequest {
    #[schema(value_type = schema::Name)]
    name: String,
}

async fn list(operations: Operations) -> HandlerResult {
    response::json(&operations.list_accounts().await?)
}

async fn show(operations: Operations, PathId(id): PathId) -> HandlerResult {
    response::json(&operations.show_account(id).await?)
}

async fn create(operations: Operations, Json(new): Json<CreateAccountRequest>) -> HandlerResult {
    let created = operations.create_account(fields::name(&new.name)?).await?;
    response::created(&format!("/accounts/{}", created.id), &created)
}

async fn revoke(
    operations: Operations,
    PathId(id): PathId,
    OptionalJson(EmptyBody {}): OptionalJson<EmptyBody>,
) -> HandlerResult {
    response::json(&operations.revoke_account(id).await?)
}
