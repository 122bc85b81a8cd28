//! The sessions of all credentials. Those of one are ended below its own path.

use countersign_cli::ops::AllSessionsResponse;

use super::administrator::Administrator;
use super::error::Result;
use super::path::{PageQuery, Query};
use crate::http::json::Json;
use crate::http::openapi::{Routes, get};

pub(super) fn routes() -> Routes {
    Routes::of([get("/sessions", "sessions_list", list).summary(
        "List the sessions, of all credentials that the caller can access, whose tokens are valid, oldest first",
    )])
}

async fn list(
    Administrator(operations): Administrator,
    Query(query): Query<PageQuery>,
) -> Result<Json<AllSessionsResponse>> {
    Ok(Json(operations.list_all_sessions(query.page()).await?))
}
