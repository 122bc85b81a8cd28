//! Begins, finds and ends sessions.

use axum::extract::{Extension, Request, State};
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, NoContent, Response};
use countersign::credentials::ClientAddress;
use countersign::directory::{CredentialKind, Directory as _};
use countersign::principal::PrimaryPrincipal;
use countersign::rejection::RejectionKind;
use countersign::{Id, Principal, Scopes, Secret};
use countersign_cli::issuer::ConfiguredIssuer;
use countersign_cli::schema::Rfc3339;
use serde::Serialize;

use super::origin::Transport;
use super::{Dashboard, cookie};
use crate::http::admin::{AdminError, Result};
use crate::http::json::Json;
use crate::http::mount;

/// The path of the request that the overview sends by itself, below `/dashboard/api`.
const OVERVIEW: &str = "/overview";

/// Who signed in, and what the pages show of the server.
#[derive(Serialize)]
pub(super) struct SessionResponse {
    kind: Option<CredentialKind>,
    name: Option<String>,
    credential_id: Option<Id>,
    account_id: Option<Id>,
    /// Whether the caller reaches the whole server.
    is_operator: bool,
    scopes: Scopes,
    expires_at: Option<Rfc3339>,
    issuers: Vec<IssuerResponse>,
    version: &'static str,
}

/// An issuer, as the pages show it.
#[derive(Clone, Serialize)]
pub(super) struct IssuerResponse {
    name: String,
    url: String,
    whoami_url: String,
    /// Where the wire `oauth` mints tokens, if it is enabled.
    token_url: Option<String>,
    rotate_keys_every_seconds: u64,
}

impl IssuerResponse {
    pub(super) fn new(configured: &ConfiguredIssuer) -> Self {
        let (settings, url) = (&configured.settings, configured.issuer.url());
        let (origin, _) = countersign::url::split(url);
        let base = format!("{origin}{}", mount(url));
        let oauth = &settings.wires.oauth.wire;
        Self {
            name: settings.name.to_string(),
            url: url.to_owned(),
            whoami_url: format!("{base}{}", crate::http::WHOAMI),
            token_url: oauth.enabled.then(|| format!("{base}{}", oauth.path)),
            rotate_keys_every_seconds: settings.rotate_keys_every.as_secs(),
        }
    }
}

impl Dashboard {
    fn describe(&self, principal: &Principal) -> SessionResponse {
        let default = self.0.admin.store().default_account();
        let kind = principal
            .primary()
            .map(|primary| primary.environment_kind());
        SessionResponse {
            kind: principal.credential_kind(),
            name: principal.name().map(str::to_owned),
            credential_id: principal.credential_id().copied(),
            account_id: principal.account().copied(),
            is_operator: principal.account() == Some(&default)
                && kind == Some(countersign::directory::EnvironmentKind::Production),
            scopes: principal.scopes().clone(),
            expires_at: principal.expires_at().map(Rfc3339),
            issuers: self.0.issuers.clone(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    /// Returns the id and principal of the session that a request belongs to.
    fn session(&self, head: &Parts) -> Option<(Secret, Principal)> {
        let is_activity = head.uri.path() != OVERVIEW;
        cookie::TRANSPORTS.into_iter().find_map(|transport| {
            let id = cookie::value(&head.headers, transport)?;
            let principal = self.0.sessions.find(&id, transport, is_activity)?;
            Some((id, principal))
        })
    }

    /// Ends the sessions that a request has cookies of.
    fn end_sessions(&self, headers: &HeaderMap) {
        let ids = cookie::TRANSPORTS.map(|transport| cookie::value(headers, transport));
        for id in ids.iter().flatten() {
            self.0.sessions.end(id);
        }
    }

    /// Returns whether the credential may be used from the address of this request, which may be another one than that of
    /// the sign-in.
    fn is_allowed_from(&self, principal: &Principal, head: &Parts) -> bool {
        let directory = self.0.admin.store().directory();
        let found = principal
            .credential_id()
            .and_then(|id| directory.credential(id));
        let address = head.extensions.get::<ClientAddress>();
        let address = address.and_then(|address| address.ip());
        found.is_some_and(|credential| credential.allow_from.allow(address))
    }
}

/// Begins a session for credentials that were accepted. Its id is always a new one, and the session that the browser had
/// ends.
pub(super) async fn begin(
    State(dashboard): State<Dashboard>,
    Extension(transport): Extension<Transport>,
    principal: PrimaryPrincipal,
    headers: HeaderMap,
) -> Result<Response> {
    dashboard.end_sessions(&headers);
    let principal = Principal::from(principal);
    let described = dashboard.describe(&principal);
    let id = dashboard.0.sessions.begin(principal, transport);
    let id = id.map_err(|error| AdminError::internal(&error))?;
    tracing::info!(credential = ?described.credential_id, "dashboard session began");
    let mut response = Json(described).into_response();
    let cookie = cookie::set(transport, Some(&id));
    response
        .headers_mut()
        .extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    Ok(response)
}

/// Ends the session of the browser, if it has one.
pub(super) async fn end(State(dashboard): State<Dashboard>, headers: HeaderMap) -> Response {
    dashboard.end_sessions(&headers);
    let mut response = NoContent.into_response();
    for transport in cookie::TRANSPORTS {
        if let Some(cookie) = cookie::set(transport, None) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
    response
}

/// Returns who signed in.
pub(super) async fn show(
    State(dashboard): State<Dashboard>,
    principal: Principal,
) -> Json<SessionResponse> {
    Json(dashboard.describe(&principal))
}

/// Inserts the principal of the session into the request. A session whose credential has become invalid ends.
pub(super) async fn authenticate(
    State(dashboard): State<Dashboard>,
    request: Request,
    next: Next,
) -> Result<Response> {
    let (mut head, body) = request.into_parts();
    let ended = || {
        let detail = "The session has ended, or there is none: sign in.";
        AdminError::new(StatusCode::UNAUTHORIZED, "session_ended", detail)
    };
    let (id, principal) = dashboard.session(&head).ok_or_else(ended)?;
    if let Err(rejection) = dashboard.0.admin.authenticator().revalidate(&principal) {
        if rejection.kind() == RejectionKind::Unavailable {
            return Ok(rejection.into_response());
        }
        dashboard.0.sessions.end(&id);
        return Err(ended());
    }
    if !dashboard.is_allowed_from(&principal, &head) {
        return Err(ended());
    }
    head.extensions.insert(principal);
    Ok(next.run(Request::from_parts(head, body)).await)
}
