//! The endpoints that keys and users have in common.

use axum::extract::State;
use axum::http::StatusCode;
use countersign::Id;
use countersign::directory::CredentialKind;
use countersign::registry::Change;
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::{EmptyBody, Json, OptionalJson};
use super::fields;
use super::path::{Page, PathId, PathPair};
use super::response::{self, HandlerResult};
use crate::http::openapi::{DescribedHandler, Routes, delete as delete_one, get, post, put};
use crate::ops::{
    CredentialResponse, KeyListResponse, Operations, SessionListResponse, UserListResponse,
};
use crate::schema;

pub(super) const STATUS_CONFLICT: &str = "the credential's status does not allow it";

/// Returns the endpoints of `/keys` or `/users`.
pub(super) fn routes(kind: CredentialKind) -> Routes {
    let collection = match kind {
        CredentialKind::User => "users",
        _ => "keys",
    };
    let name = |action: &str| format!("{collection}_{action}");
    let at = |path: &str| format!("/{collection}{path}");
    let list = get(
        name("list"),
        "List those that the caller can access, oldest first",
        list,
    );
    let list = match kind {
        CredentialKind::User => list.answers::<UserListResponse>("a page of users"),
        _ => list.answers::<KeyListResponse>("a page of keys"),
    };
    let show = get(name("show"), "Show one", show).answers::<CredentialResponse>("the credential");
    let delete = delete_one(name("delete"), "Delete one that is revoked", delete)
        .answers_nothing(StatusCode::NO_CONTENT, "the credential was deleted")
        .may(StatusCode::CONFLICT, STATUS_CONFLICT);
    let changed = |change: DescribedHandler<CredentialKind>| {
        change
            .answers::<CredentialResponse>("the changed credential")
            .may(StatusCode::CONFLICT, STATUS_CONFLICT)
    };
    let suspend = post(
        name("suspend"),
        "Suspend one until it is activated",
        suspend,
    );
    let activate = post(name("activate"), "Activate one that is suspended", activate);
    let revoke = post(name("revoke"), "Revoke one permanently", revoke);
    let scopes = put(name("scopes"), "Set the scopes of one", set_scopes);
    let sessions = get(
        name("sessions"),
        "List its sessions, oldest first",
        list_sessions,
    )
    .answers::<SessionListResponse>("the sessions with a valid token");
    let end = delete_one(name("end_session"), "End one of its sessions", end_session)
        .answers_nothing(StatusCode::NO_CONTENT, "the session was ended");
    Routes::new()
        .at(&at(""), [list])
        .at(&at("/{id}"), [show, delete])
        .at(&at("/{id}/suspend"), [changed(suspend)])
        .at(&at("/{id}/activate"), [changed(activate)])
        .at(&at("/{id}/revoke"), [changed(revoke)])
        .at(&at("/{id}/scopes"), [changed(scopes)])
        .at(&at("/{id}/sessions"), [sessions])
        .at(&at("/{id}/sessions/{session}"), [end])
        .with_state(kind)
}

type Kind = State<CredentialKind>;

async fn list(State(kind): Kind, operations: Operations, page: Page<Id>) -> HandlerResult {
    match kind {
        CredentialKind::User => {
            response::json(&operations.list_users(page.cursor, page.limit).await?)
        }
        _ => response::json(&operations.list_keys(page.cursor, page.limit).await?),
    }
}

async fn show(State(kind): Kind, operations: Operations, PathId(id): PathId) -> HandlerResult {
    response::json(&operations.show_credential(kind, id).await?)
}

async fn suspend(
    State(kind): Kind,
    operations: Operations,
    PathId(id): PathId,
    OptionalJson(EmptyBody {}): OptionalJson<EmptyBody>,
) -> HandlerResult {
    change(operations, kind, id, Change::Suspend).await
}

async fn activate(
    State(kind): Kind,
    operations: Operations,
    PathId(id): PathId,
    OptionalJson(EmptyBody {}): OptionalJson<EmptyBody>,
) -> HandlerResult {
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
    operations: Operations,
    PathId(id): PathId,
    OptionalJson(request): OptionalJson<RevokeRequest>,
) -> HandlerResult {
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
    operations: Operations,
    PathId(id): PathId,
    Json(request): Json<SetScopesRequest>,
) -> HandlerResult {
    let scopes = fields::scopes(&request.scopes)?;
    change(operations, kind, id, Change::Scopes(scopes)).await
}

async fn delete(State(kind): Kind, operations: Operations, PathId(id): PathId) -> HandlerResult {
    change(operations, kind, id, Change::Delete).await?;
    response::no_content()
}

async fn change(
    operations: Operations,
    kind: CredentialKind,
    id: Id,
    change: Change,
) -> HandlerResult {
    response::json(&operations.change_credential(kind, id, change).await?)
}

async fn list_sessions(
    State(kind): Kind,
    operations: Operations,
    PathId(id): PathId,
) -> HandlerResult {
    let owner = operations.show_credential(kind, id).await?;
    response::json(&operations.list_sessions(owner.id).await?)
}

async fn end_session(
    State(kind): Kind,
    operations: Operations,
    PathPair(id, session): PathPair,
) -> HandlerResult {
    let owner = operations.show_credential(kind, id).await?;
    operations.end_session(owner.id, &session).await?;
    response::no_content()
}
