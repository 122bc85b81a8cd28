use axum::extract::State;
use axum::http::StatusCode;
use countersign::Secret;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Admin;
use super::body::{Json, secret};
use super::response::{self, HandlerResult};
use crate::http::openapi::{Routes, post};
use crate::ops::Operations;

pub(super) fn routes(admin: &Admin) -> Routes {
    let revoke = post(
        "tokens_revoke",
        "Revoke a token that this server issued",
        revoke,
    )
    .answers_nothing(StatusCode::NO_CONTENT, "the token was revoked")
    .may(
        StatusCode::NOT_FOUND,
        "the caller cannot access the token's account",
    );
    Routes::new()
        .at("/tokens/revoke", [revoke])
        .with_state(admin.clone())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RevokeTokenRequest {
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String)]
    token: Secret,
}

async fn revoke(
    State(admin): State<Admin>,
    operations: Operations,
    Json(RevokeTokenRequest { token }): Json<RevokeTokenRequest>,
) -> HandlerResult {
    operations.revoke_token(&admin.0.tokens, &token).await?;
    response::no_content()
}
