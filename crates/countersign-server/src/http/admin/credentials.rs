//! The endpoints that keys, users and managed tokens have in common.

use axum::extract::State;
use axum::response::NoContent;
use countersign::Id;
use countersign::directory::CredentialKind;
use countersign::registry::Change;
use countersign_cli::ops::{CredentialResponse, Operations, SessionListResponse};
use countersign_cli::schema;
use serde::Deserialize;
use utoipa::ToSchema;

use super::administrator::Administrator;
use super::body::{EmptyBody, OptionalJson};
use super::error::Result;
use super::fields;
use super::path::Path;
use crate::http::json::Json;
use crate::http::openapi::{Routes, delete as delete_one, get, post, put};

/// Returns the endpoints of one key or user, below the path of the collection.
pub(super) fn routes(kind: CredentialKind, collection: &str) -> Routes {
    let at = |path: &str| format!("/{collection}/{{id}}{path}");
    let id = |action: &str| operation_id(collection, action);
    Routes::of([
        put(at("/scopes"), id("scopes"), set_scopes).summary("Set the scopes of one"),
        get(at("/sessions"), id("sessions"), list_sessions)
            .summary("List its sessions whose tokens are valid, oldest first"),
        delete_one(at("/sessions/{session}"), id("end_session"), end_session)
            .summary("End one of its sessions"),
    ])
    .map_router(|router| router.with_state(kind))
    .merge(lifecycle(kind, collection))
}

/// Returns the endpoints that show one credential and change its status.
pub(super) fn lifecycle(kind: CredentialKind, collection: &str) -> Routes {
    let at = |path: &str| format!("/{collection}/{{id}}{path}");
    let id = |action: &str| operation_id(collection, action);
    Routes::of([
        get(at(""), id("show"), show).summary("Show one"),
        delete_one(at(""), id("delete"), delete).summary("Delete one that is revoked"),
        post(at("/suspend"), id("suspend"), suspend).summary("Suspend one until it is activated"),
        post(at("/activate"), id("activate"), activate).summary("Activate one that is suspended"),
        post(at("/revoke"), id("revoke"), revoke).summary("Revoke one permanently"),
    ])
    .map_router(|router| router.with_state(kind))
}

/// Returns an operation id (OpenAPI), such as `managed_tokens_show`.
fn operation_id(collection: &str, action: &str) -> String {
    format!("{}_{action}", collection.replace('-', "_"))
}

type Kind = State<CredentialKind>;

async fn show(
    State(kind): Kind,
    Administrator(operations): Administrator,
    Path(id): Path<Id>,
) -> Result<Json<CredentialResponse>> {
    Ok(Json(operations.show_credential(kind, id).await?))
}

async fn suspend(
    State(kind): Kind,
    Administrator(operations): Administrator,
    Path(id): Path<Id>,
    _: OptionalJson<EmptyBody>,
) -> Result<Json<CredentialResponse>> {
    change(operations, kind, id, Change::Suspend).await
}

async fn activate(
    State(kind): Kind,
    Administrator(operations): Administrator,
    Path(id): Path<Id>,
    _: OptionalJson<EmptyBody>,
) -> Result<Json<CredentialResponse>> {
    change(operations, kind, id, Change::Activate).await
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RevokeRequest {
    #[schema(value_type = Option<schema::Reason>)]
    reason: Option<String>,
}

async fn revoke(
    State(kind): Kind,
    Administrator(operations): Administrator,
    Path(id): Path<Id>,
    OptionalJson(request): OptionalJson<RevokeRequest>,
) -> Result<Json<CredentialResponse>> {
    let reason = fields::reason(request.reason.as_deref())?;
    change(operations, kind, id, Change::Revoke { reason }).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetScopesRequest {
    #[schema(value_type = Vec<schema::Scope>)]
    scopes: Vec<String>,
}

async fn set_scopes(
    State(kind): Kind,
    Administrator(operations): Administrator,
    Path(id): Path<Id>,
    Json(request): Json<SetScopesRequest>,
) -> Result<Json<CredentialResponse>> {
    let scopes = fields::scopes(&request.scopes)?;
    change(operations, kind, id, Change::Scopes(scopes)).await
}

async fn delete(
    State(kind): Kind,
    Administrator(operations): Administrator,
    Path(id): Path<Id>,
) -> Result<NoContent> {
    change(operations, kind, id, Change::Delete).await?;
    Ok(NoContent)
}

async fn change(
    operations: Operations,
    kind: CredentialKind,
    id: Id,
    change: Change,
) -> Result<Json<CredentialResponse>> {
    Ok(Json(operations.change_credential(kind, id, change).await?))
}

async fn list_sessions(
    State(kind): Kind,
    Administrator(operations): Administrator,
    Path(id): Path<Id>,
) -> Result<Json<SessionListResponse>> {
    let owner = operations.show_credential(kind, id).await?;
    Ok(Json(operations.list_sessions(owner.id).await?))
}

async fn end_session(
    State(kind): Kind,
    Administrator(operations): Administrator,
    Path((id, session)): Path<(Id, String)>,
) -> Result<NoContent> {
    let owner = operations.show_credential(kind, id).await?;
    operations.end_session(owner.id, &session).await?;
    Ok(NoContent)
}
