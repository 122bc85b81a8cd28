use countersign::Scopes;
use http::{Response, StatusCode};
use utoipa::openapi::HttpMethod;
use utoipa::openapi::path::OperationBuilder;
use utoipa::openapi::security::SecurityRequirement;

use super::{Answers, Describe, DescribeWire, Description, Security, Shape};
use crate::finish::finish;
use crate::{Denial, Flaw, FlawCode, RequestId, ResponseBody, Source, Throttled, TokenEndpoint};

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
fn denials() -> [Denial; 10] {
    let flaw = Flaw::new("body", FlawCode::Malformed, "the request is not valid");
    [
        Denial::invalid(flaw),
        Denial::Ambiguous,
        Denial::InvalidLifetime,
        Denial::InvalidScope(Scopes::none()),
        Denial::Unauthenticated,
        Denial::Chaining,
        Denial::PayloadTooLarge,
        too_many(),
        Denial::Unavailable(1),
        Denial::Failed,
    ]
}

pub(crate) fn too_many() -> Denial {
    Denial::TooManyRequests(Throttled {
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
