//! What gives access needs the credential again: a browser that was left unattended, or a script in a page, has only the
//! cookie.

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderName, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use countersign::Principal;
use countersign::credentials::ClientCertificate;
use countersign::rejection::RejectionKind;

use super::Dashboard;
use crate::http::admin::{AdminError, Result};

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Rejects a request that may give access, unless its headers have the credential of the session, too.
pub(super) async fn require(
    State(dashboard): State<Dashboard>,
    principal: Principal,
    request: Request,
    next: Next,
) -> Result<Response> {
    let (mut head, body) = request.into_parts();
    // The browser presents the certificate of its connection without asking, so that it confirms nothing.
    head.extensions.remove::<ClientCertificate>();
    if may_give_access(&head.method, head.uri.path()) {
        let authenticator = dashboard.0.admin.authenticator();
        let presented = match authenticator.find_credentials(&(&head).into()) {
            Ok(Some(credentials)) => {
                authenticator
                    .authenticate(credentials, &(&head).into())
                    .await
            }
            Ok(None) => {
                let detail =
                    "This gives access: present the credential of the session in the headers, too.";
                return Err(forbidden("confirmation_required", detail));
            }
            Err(rejection) => Err(rejection),
        };
        match presented {
            Ok(presented) if is_same(&presented, &principal) => {}
            Err(rejection)
                if matches!(
                    rejection.kind(),
                    RejectionKind::TooManyRequests | RejectionKind::Unavailable
                ) =>
            {
                return Ok(rejection.into_response());
            }
            _ => {
                let detail = "The secret is wrong, or not that of the credential that signed in.";
                return Err(forbidden("confirmation_failed", detail));
            }
        }
    }
    for name in [AUTHORIZATION, API_KEY] {
        head.headers.remove(name);
    }
    Ok(next.run(Request::from_parts(head, body)).await)
}

fn forbidden(code: &'static str, detail: &'static str) -> AdminError {
    AdminError::new(StatusCode::FORBIDDEN, code, detail)
}

/// Returns whether both are the same credential, of the same generation, and the presented one is no token.
fn is_same(presented: &Principal, signed_in: &Principal) -> bool {
    let of = |principal: &Principal| (principal.credential_id().copied(), principal.generation());
    presented.primary().is_some() && of(presented) == of(signed_in)
}

/// Returns whether a request may give access. Those that only take it away must not be delayed.
fn may_give_access(method: &Method, path: &str) -> bool {
    let takes_away = path.ends_with("/suspend") || path.ends_with("/revoke");
    !method.is_safe() && *method != Method::DELETE && !(*method == Method::POST && takes_away)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_suspending_revoking_and_deleting_give_no_access() {
        for (method, path, expected) in [
            (Method::GET, "/v1/keys", false),
            (Method::POST, "/v1/keys", true),
            (Method::POST, "/v1/keys/import", true),
            (Method::POST, "/v1/keys/x/rotate", true),
            (Method::POST, "/v1/keys/x/activate", true),
            (Method::PUT, "/v1/keys/x/scopes", true),
            (Method::POST, "/v1/users/x/password", true),
            (Method::POST, "/v1/accounts", true),
            (Method::PUT, "/v1/keys/x/revoke", true),
            (Method::POST, "/v1/keys/x/suspend", false),
            (Method::POST, "/v1/keys/x/revoke", false),
            (Method::DELETE, "/v1/keys/x", false),
            (Method::DELETE, "/v1/keys/x/sessions/y", false),
            (Method::POST, "/v1/tokens/revoke", false),
        ] {
            assert_eq!(may_give_access(&method, path), expected, "{method} {path}");
        }
    }
}
