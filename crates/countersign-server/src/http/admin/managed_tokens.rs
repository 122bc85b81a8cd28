use countersign::directory::CredentialKind;
use countersign_cli::ops::ManagedTokenListResponse;

use super::administrator::Administrator;
use super::credentials;
use super::error::Result;
use super::path::{CredentialQuery, Query};
use crate::http::json::Json;
use crate::http::openapi::{Routes, get};

pub(super) fn routes() -> Routes {
    let list = get("/managed-tokens", "managed_tokens_list", list)
        .summary("List the managed tokens that the caller can access, oldest first");
    let lifecycle = credentials::lifecycle(CredentialKind::Token, "managed-tokens");
    Routes::of([list]).merge(lifecycle)
}

async fn list(
    Administrator(operations): Administrator,
    Query(query): Query<CredentialQuery>,
) -> Result<Json<ManagedTokenListResponse>> {
    let tokens = operations.list_managed_tokens(query.created_by, query.page());
    Ok(Json(tokens.await?))
}
