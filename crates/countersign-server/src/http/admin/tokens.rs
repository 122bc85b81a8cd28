use axum::extract::State;
use axum::response::NoContent;
use countersign::Secret;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Admin;
use super::administrator::Administrator;
use super::body::secret;
use super::error::Result;
use crate::http::json::Json;
use crate::http::openapi::{Routes, post};

pub(super) fn routes(admin: &Admin) -> Routes {
    let revoke = post("/tokens/revoke", "tokens_revoke", revoke)
        .summary("Revoke a token that this server issued");
    Routes::of([revoke]).map_router(|router| router.with_state(admin.clone()))
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
    Administrator(operations): Administrator,
    Json(RevokeTokenRequest { token }): Json<RevokeTokenRequest>,
) -> Result<NoContent> {
    operations.revoke_token(&admin.0.tokens, &token).await?;
    Ok(NoContent)
}
