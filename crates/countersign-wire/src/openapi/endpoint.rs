use countersign::Scopes;
use http::{Response, StatusCode};
use utoipa::openapi::HttpMethod;
use utoipa::openapi::path::OperationBuilder;
use utoipa::openapi::security::SecurityRequirement;

use super::{Answers, Describe, DescribeWire, Description, Security, Shape};
use crate::finish::finish;
use crate::{
    FieldError, FieldErrorCode, RequestId, ResponseBody, Source, Throttled, TokenEndpoint,
    TokenError,
};

impl<W: DescribeWire> Describe for TokenEndpoint<W> {
    fn describe(&self) -> Description {
        let Some((wire, terms)) = self.mounted() else {
            return Description::default();
        };
        let Shape {
            id,
            summary,
            request,
            issued,
            denied,
            schemas,
        } = DescribeWire::describe(wire, terms);
        let response = answered(&self.own_request_id(), StatusCode::OK);
        let answers = Answers::default().like(&response, "a token was issued", &issued);
        let answers = denials().iter().fold(answers, |answers, denial| {
            answers.like(&self.refusal(denial), denial.message(), &denied)
        });
        let operation = OperationBuilder::new()
            .operation_id(Some(id))
            .summary(Some(summary))
            .securities(Some(securities(wire.source())))
            .request_body(Some(request))
            .responses(answers.build());
        Description::default()
            .with("", HttpMethod::Post, operation)
            .schemas(schemas)
    }
}

/// Every way in which a wire may refuse; what is answered to another method is no operation's.
fn denials() -> [TokenError; 10] {
    let flaw = FieldError::new(
        "body",
        FieldErrorCode::Malformed,
        "the request is not valid",
    );
    [
        TokenError::invalid(flaw),
        TokenError::Ambiguous,
        TokenError::InvalidLifetime,
        TokenError::InvalidScope(Scopes::none()),
        TokenError::Unauthenticated,
        TokenError::Chaining,
        TokenError::PayloadTooLarge,
        too_many(),
        TokenError::Unavailable(1),
        TokenError::Failed,
    ]
}

pub(crate) fn too_many() -> TokenError {
    TokenError::TooManyRequests(Throttled {
        retry_after: 1,
        policy: "mints",
        quota: Some((1, 1)),
    })
}

/// An answer in JSON with what every answer gets.
pub(super) fn answered(id: &RequestId, status: StatusCode) -> Response<ResponseBody> {
    let mut response = crate::respond::json(status, &());
    finish(&mut response, id);
    response
}

/// Credentials in a body are no security scheme of OpenAPI's.
pub(super) fn securities(source: Source) -> Vec<SecurityRequirement> {
    match source {
        Source::ApiKeyHeader => Security::any_of(&[Security::ApiKey]),
        Source::Headers => Security::any_of(&[Security::ApiKey, Security::Basic]),
        Source::HeadersOrBody => {
            let mut any = Security::any_of(&[Security::ApiKey, Security::Basic]);
            any.push(SecurityRequirement::default());
            any
        }
        Source::Body => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use countersign::auth::Authenticator;
    use countersign::directory::MemoryDirectory;
    use countersign::jose::{Algorithm, SigningKey};
    use countersign::key::{Pepper, Peppers};
    use countersign::mechanism::ApiKeys;
    use countersign::mint::{IssuanceSettings, Issuer, Mint};
    use countersign::random::SystemRandom;
    use countersign::time::SystemClock;
    use serde_json::{Value, json};

    use super::*;
    use crate::{Envelope, ErrorStatus, Scoped};

    fn described<W: DescribeWire + Clone>(wire: W, terms: IssuanceSettings) -> Value {
        let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
        let keys = ApiKeys::new(Arc::new(MemoryDirectory::default()), peppers);
        let authenticator = Authenticator::builder().primary(keys).build();
        let key = SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap();
        let issuer = Issuer::builder("https://auth.example").signing_key(key);
        let issuer = issuer.settings(terms).build().unwrap();
        let mint = Mint::new(issuer, SystemClock, SystemRandom);
        let endpoint = TokenEndpoint::new(wire, authenticator.unwrap(), mint);
        let nothing = endpoint.clone().nothing_here().describe();
        assert!(nothing.operations.is_empty());
        let mut description = endpoint.describe();
        let operation = description.operations.pop().unwrap().operation;
        serde_json::to_value(operation).unwrap()
    }

    #[test]
    fn envelope_that_tells_of_errors_inside_has_no_status_for_what_is_told_there() {
        let statuses = |error_status| {
            let wire = Envelope::default().error_status(error_status);
            let operation = described(wire, IssuanceSettings::default());
            let statuses = operation["responses"].as_object().unwrap().keys();
            statuses.cloned().collect::<Vec<_>>()
        };
        let all = ["200", "400", "401", "403", "413", "429", "500", "503"];
        assert_eq!(statuses(ErrorStatus::Http), all);
        assert_eq!(
            statuses(ErrorStatus::Envelope),
            ["200", "401", "403", "429"]
        );
    }

    #[test]
    fn scopes_and_lifetimes_are_those_of_the_terms() {
        let terms = |catalogue: &str| {
            let [hour, longest] = [3600, 4000].map(std::time::Duration::from_secs);
            IssuanceSettings::new(hour, longest).catalogue(catalogue.parse().unwrap())
        };
        let body = |operation: &Value, member: &str| {
            let body = &operation["requestBody"]["content"]["application/json"];
            body["schema"]["properties"][member].clone()
        };
        let envelope = described(Envelope::default(), terms("a:b"));
        assert_eq!(body(&envelope, "expireAfter")["maximum"], 4000);
        let named = described(Scoped::default(), terms("a:b c"));
        assert_eq!(body(&named, "scope")["items"]["enum"], json!(["a:b", "c"]));
        let pattern = described(Scoped::default(), terms("a:*"));
        assert!(body(&pattern, "scope")["items"]["pattern"].is_string());
    }

    #[test]
    fn refusals_have_the_headers_that_they_are_sent_with() {
        let operation = described(Envelope::default(), IssuanceSettings::default());
        let headers = |status: &str| {
            let headers = operation["responses"][status]["headers"].as_object();
            headers.unwrap().keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(headers("401"), ["cache-control", "x-request-id"]);
        assert_eq!(
            headers("503"),
            ["cache-control", "retry-after", "x-request-id"]
        );
        assert!(headers("429").contains(&"ratelimit-policy".to_owned()));
    }
}
