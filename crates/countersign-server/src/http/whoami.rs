//! `/whoami`: shows who is calling.

use std::convert::Infallible;

use axum::extract::{FromRequestParts as _, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use countersign::json::ObjectWriter;
use countersign::{Id, Principal, Scopes};
use countersign_cli::schema::{self, Rfc3339};
use utoipa::ToSchema;

use super::json::json_response;
use super::openapi::{DescribeResponse, OperationDraft};

/// The principal of the request.
#[derive(ToSchema)]
struct WhoamiResponse<'a> {
    subject: &'a str,
    scheme: &'static str,
    #[schema(value_type = Option<schema::Id>, required = true)]
    credential_id: Option<&'a Id>,
    #[schema(value_type = Option<schema::Id>, required = true)]
    account_id: Option<&'a Id>,
    #[schema(value_type = Option<schema::Id>, required = true)]
    environment_id: Option<&'a Id>,
    #[schema(value_type = Vec<schema::Scope>)]
    scopes: &'a Scopes,
    #[schema(required = true)]
    issuer: Option<&'a str>,
    #[schema(value_type = Option<schema::Id>, required = true)]
    session_id: Option<&'a Id>,
    #[schema(required = true)]
    expires_at: Option<Rfc3339>,
}

impl<'a> WhoamiResponse<'a> {
    fn new(principal: &'a Principal) -> Self {
        Self {
            subject: principal.subject(),
            scheme: principal.scheme().as_str(),
            credential_id: principal.credential_id(),
            account_id: principal.account(),
            environment_id: principal.environment(),
            scopes: principal.scopes(),
            issuer: principal.issuer(),
            session_id: principal.session(),
            expires_at: principal.expires_at().map(Rfc3339),
        }
    }

    /// Writes the response in one pass: gateways ask for it at every request.
    fn to_json(&self) -> String {
        let mut object = ObjectWriter::with_capacity(512 + self.scopes.as_str().len());
        object.text("subject", self.subject);
        object.text("scheme", self.scheme);
        object.optional("credential_id", self.credential_id, ObjectWriter::id);
        object.optional("account_id", self.account_id, ObjectWriter::id);
        object.optional("environment_id", self.environment_id, ObjectWriter::id);
        object.texts("scopes", self.scopes.iter());
        object.optional("issuer", self.issuer, ObjectWriter::text);
        object.optional("session_id", self.session_id, ObjectWriter::id);
        let expires_at = self.expires_at.map(|Rfc3339(time)| time.to_rfc3339());
        object.optional("expires_at", expires_at.as_deref(), ObjectWriter::text);
        object.finish()
    }
}

/// Who is calling.
pub(super) struct Whoami(Principal);

impl IntoResponse for Whoami {
    fn into_response(self) -> Response {
        json_response(WhoamiResponse::new(&self.0).to_json())
    }
}

impl DescribeResponse for Whoami {
    fn describe(draft: &mut OperationDraft) {
        draft.success::<WhoamiResponse<'_>>(StatusCode::OK, None);
    }
}

/// Returns the principal of the request.
pub(super) async fn whoami(principal: Principal) -> Whoami {
    Whoami(principal)
}

/// Does the same as a service: axum boxes the futures of handlers.
pub(super) async fn respond(request: Request) -> Result<Response, Infallible> {
    let (mut head, _) = request.into_parts();
    Ok(match Principal::from_request_parts(&mut head, &()).await {
        Ok(principal) => whoami(principal).await.into_response(),
        Err(rejection) => rejection.into_response(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use utoipa::PartialSchema as _;

    use super::*;

    #[test]
    fn response_has_the_properties_of_its_schema_in_their_order() {
        let response = WhoamiResponse {
            subject: "a",
            scheme: "Bearer",
            credential_id: None,
            account_id: Some(&Id::from_bytes([1; 20])),
            environment_id: None,
            scopes: &"calls:read calls:write".parse().unwrap(),
            issuer: Some("https://auth.example"),
            session_id: None,
            expires_at: Some(Rfc3339(countersign::time::Timestamp::from_unix_seconds(0))),
        };
        let json: Value = serde_json::from_str(&response.to_json()).unwrap();
        let expected = serde_json::json!({
            "subject": "a", "scheme": "Bearer", "credential_id": null,
            "account_id": Id::from_bytes([1; 20]).to_string(), "environment_id": null,
            "scopes": ["calls:read", "calls:write"], "issuer": "https://auth.example", "session_id": null,
            "expires_at": "1970-01-01T00:00:00Z",
        });
        assert_eq!(json, expected);
        let schema = serde_json::to_value(WhoamiResponse::schema()).unwrap();
        let names = |object: &Value| {
            object
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&schema["properties"]), names(&json));
        assert_eq!(
            schema["required"].as_array().unwrap().len(),
            names(&json).len()
        );
    }
}
