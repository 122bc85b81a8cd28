//! Reads the body, checks the administrator, and gives handlers the [`Operations`] of the administrator.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use countersign::Principal;
use countersign::credentials::is_cross_site;
use countersign::directory::{Directory as _, EnvironmentKind};
use countersign::principal::PrimaryPrincipal;
use countersign::registry::Caller;
use countersign::time::{Clock as _, SystemClock};
use countersign_cli::ops::Operations;
use countersign_wire::openapi::Security;
use countersign_wire::{BodyError, RequestId, read_body};
use utoipa::IntoParams as _;

use super::Admin;
use super::error::{AdminError, Result};
use super::nodes::{WaitQuery, is_wait_requested, wait};
use crate::http::openapi::{DescribeExtractor, OperationDraft};

/// The operations of the administrator who sends a request.
pub(in crate::http) struct Administrator(pub(in crate::http) Operations);

impl<S: Sync> FromRequestParts<S> for Administrator {
    type Rejection = AdminError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let operations = parts.extensions.get::<Operations>().cloned();
        let operations = operations
            .ok_or_else(|| AdminError::internal(&"the layer of administrators is missing"));
        operations.map(Self)
    }
}

impl DescribeExtractor for Administrator {
    fn describe(draft: &mut OperationDraft) {
        draft.secured(&[Security::ApiKey, Security::Basic]);
        draft.problem(
            StatusCode::FORBIDDEN,
            "the credentials are not those of an administrator, or do not permit this",
        );
        draft.problem(
            StatusCode::NOT_FOUND,
            "it does not exist, or the caller cannot access it",
        );
        draft.problem(
            StatusCode::TOO_MANY_REQUESTS,
            "these credentials send too many requests",
        );
        draft.problem(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large");
        if draft.is_unsafe() {
            draft.parameters(WaitQuery::into_params(|| None));
            draft.problem(StatusCode::BAD_REQUEST, "the query is invalid");
            draft.problem(
                StatusCode::CONFLICT,
                "the present state does not allow it, for the reason in `code`",
            );
        }
    }
}

/// Reads the body, and then revalidates the principal, whose credential may have been revoked meanwhile. Inserts the
/// administrator's [`Operations`] into the request. If the request asks for it, waits until all nodes have applied the change.
pub(super) async fn insert_operations(
    State(admin): State<Admin>,
    principal: PrimaryPrincipal,
    request: Request,
    next: Next,
) -> Result<Response> {
    let (mut head, body) = request.into_parts();
    if is_cross_site(&(&head).into()) {
        let detail = "Pages of other sites may not change anything here.";
        return Err(AdminError::new(StatusCode::FORBIDDEN, "cross_site", detail));
    }
    if let Some(credential) = principal.principal().credential_id() {
        let taken = admin.0.requests.take(*credential, SystemClock.now());
        taken.map_err(AdminError::throttled)?;
    }
    let waits = is_wait_requested(&head)?;
    let body = read_body(body, admin.0.config.server.body_limit).await;
    let body = body.map_err(|error| match error {
        BodyError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE.into(),
        BodyError::Incomplete => {
            AdminError::invalid("incomplete_body", "The body ended prematurely.")
        }
    })?;
    if let Err(rejection) = admin.0.authenticator.revalidate(principal.principal()) {
        return Ok(rejection.into_response());
    }
    let operations = operations(&admin, principal.principal(), &head.extensions).await?;
    head.extensions.insert(operations.clone());
    let response = next.run(Request::from_parts(head, body.into())).await;
    if !waits {
        return Ok(response);
    }
    // Before the request is answered with 408, although the change was made.
    let at_most = admin.0.config.server.request_timeout / 2;
    Ok(wait(&operations, at_most, response).await)
}

async fn operations(
    admin: &Admin,
    principal: &Principal,
    extensions: &Extensions,
) -> Result<Operations> {
    let Some(caller) = Caller::authenticated(principal) else {
        return Err(AdminError::internal(
            &"the principal has no credential or no account",
        ));
    };
    let directory = admin.0.store.directory();
    let found = caller.credential().and_then(|id| directory.credential(id));
    let kind = found.ok_or(StatusCode::UNAUTHORIZED)?.environment_kind;
    let is_default = caller.account() == Some(&admin.0.store.default_account());
    // A sandbox of the default account reaches no further than its own account.
    let mut caller = if is_default && kind == EnvironmentKind::Production {
        caller.in_every_account()
    } else {
        caller
    };
    if let Some(id) = extensions.get::<RequestId>() {
        caller = caller.with_request_id(id.clone());
    }
    let store = admin.0.store.clone();
    Ok(Operations::new(store, admin.0.config.clone(), caller))
}
