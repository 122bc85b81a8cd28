//! Reads the body, checks the administrator, and gives handlers the [`Operations`] of the administrator.

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use countersign::credentials::{ClientAddress, Credentials};
use countersign::directory::{Credential, Directory as _, Issuers};
use countersign::principal::{Identity, PrimaryPrincipal};
use countersign::registry::Caller;
use countersign::time::{Clock as _, SystemClock};
use countersign::{Principal, Secret};
use countersign_store::Store;
use countersign_wire::RequestId;
use countersign_wire::openapi::Security;
use futures_util::StreamExt as _;

use super::error::AdminError;
use super::{Admin, origin};
use crate::http::openapi::{DescribeExtractor, OperationDraft};
use crate::ops::Operations;

impl<S: Sync> FromRequestParts<S> for Operations {
    type Rejection = AdminError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AdminError> {
        let operations = parts.extensions.get::<Self>().cloned();
        operations.ok_or_else(AdminError::internal)
    }
}

impl DescribeExtractor for Operations {
    fn describe(draft: &mut OperationDraft) {
        draft.secured(&[Security::ApiKey, Security::Basic]);
        draft.problem(
            StatusCode::FORBIDDEN,
            "the credentials are not those of an administrator, or do not permit this",
        );
        draft.problem(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large");
    }
}

/// Reads the body, and then checks the administrator again: the credential may have been revoked meanwhile. Inserts
/// the administrator's [`Operations`] into the request.
pub(super) async fn insert_operations(
    State(admin): State<Admin>,
    principal: PrimaryPrincipal,
    request: Request,
    next: Next,
) -> Result<Response, AdminError> {
    let (mut head, body) = request.into_parts();
    if !head.method.is_safe() && origin::is_cross_site(&head) {
        let detail = "Pages of other sites may not change anything here.";
        return Err(AdminError::new(StatusCode::FORBIDDEN, "cross_site", detail));
    }
    let body = read(body, admin.0.config.server.body_limit).await?;
    let credential = current(&admin.0.store, principal.principal(), &head.extensions);
    let issuers = credential.ok_or_else(AdminError::revoked)?.issuers;
    let operations = operations(&admin, principal.principal(), issuers, &head.extensions).await?;
    head.extensions.insert(operations);
    Ok(next.run(Request::from_parts(head, body.into())).await)
}

async fn read(body: Body, limit: usize) -> Result<Bytes, AdminError> {
    if body.size_hint().lower() > limit as u64 {
        return Err(AdminError::too_large());
    }
    let mut read = Vec::new();
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk
            .map_err(|_| AdminError::invalid("incomplete_body", "The body ended prematurely."))?;
        if chunk.len() > limit.saturating_sub(read.len()) {
            return Err(AdminError::too_large());
        }
        read.extend_from_slice(&chunk);
    }
    Ok(read.into())
}

/// Returns the credential, if it would still be accepted.
fn current(store: &Store, principal: &Principal, extensions: &Extensions) -> Option<Credential> {
    let now = store.directory().credential(principal.credential_id()?)?;
    if now.generation != principal.generation() {
        return None;
    }
    let from = extensions.get::<ClientAddress>().copied();
    let presented = Credentials::key(Secret::from(String::new())).presented_from(from);
    let accepted = Identity::of_credential("admin", now.clone(), &presented, SystemClock.now());
    accepted.is_ok().then_some(now)
}

async fn operations(
    admin: &Admin,
    principal: &Principal,
    issuers: Issuers,
    extensions: &Extensions,
) -> Result<Operations, AdminError> {
    let (Some(credential), Some(account)) = (principal.credential_id(), principal.account()) else {
        return Err(AdminError::internal());
    };
    let actor = credential.to_string();
    let caller = if *account == admin.default_account().await? {
        Caller::operator(actor)
    } else {
        Caller::of_account(actor, *account)
    };
    // A change may wait for its turn: the store checks the credential once more then.
    let caller = caller.authenticated_as(principal);
    let caller = match extensions.get::<RequestId>() {
        Some(id) => caller.with_request_id(id.clone()),
        None => caller,
    };
    let store = admin.0.store.clone();
    let operations = Operations::unrestricted(store, admin.0.config.clone(), caller);
    Ok(operations.restricted_to(principal.scopes().clone(), issuers))
}
