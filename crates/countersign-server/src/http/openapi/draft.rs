//! The description of an operation, assembled from its handler.

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use countersign::Principal;
use countersign_wire::openapi::{self, ResponsesBuilder, Schemas, Security};
use utoipa::ToSchema;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Operation, OperationBuilder, Parameter};
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::schema::Object;

use crate::http::problem::{self, ProblemDetails};

/// Describes what an argument of a handler reads of a request.
pub(in crate::http) trait DescribeExtractor {
    fn describe(draft: &mut OperationDraft);
}

/// Describes all arguments of a handler, as axum infers them.
pub(in crate::http) trait DescribeExtractors {
    fn describe(draft: &mut OperationDraft);
}

macro_rules! extractors {
    ($($extractor:ident)*) => {
        impl<Via, $($extractor: DescribeExtractor),*> DescribeExtractors for (Via, $($extractor,)*) {
            fn describe(_draft: &mut OperationDraft) {
                $($extractor::describe(_draft);)*
            }
        }
    };
}

extractors! {}
extractors! { A }
extractors! { A B }
extractors! { A B C }
extractors! { A B C D }

impl<S> DescribeExtractor for State<S> {
    fn describe(_: &mut OperationDraft) {}
}

/// Any valid credential.
impl DescribeExtractor for Principal {
    fn describe(draft: &mut OperationDraft) {
        draft.secured(&[Security::Bearer, Security::ApiKey, Security::Basic]);
    }
}

/// The unfinished description of an operation.
pub(in crate::http) struct OperationDraft {
    id: String,
    summary: &'static str,
    security: Vec<Security>,
    /// The parameters in the path, in its order. The path has their names.
    path_parameters: Vec<Object>,
    parameters: Vec<Parameter>,
    body: Option<RequestBody>,
    answers: ResponsesBuilder,
    schemas: Schemas,
}

impl OperationDraft {
    pub(super) fn new(id: String, summary: &'static str) -> Self {
        Self {
            id,
            summary,
            security: Vec::new(),
            path_parameters: Vec::new(),
            parameters: Vec::new(),
            body: None,
            answers: ResponsesBuilder::default(),
            schemas: Schemas::default(),
        }
    }

    /// Requires one of these credentials, and adds the errors of authentication.
    pub(in crate::http) fn secured(&mut self, schemes: &[Security]) {
        self.security = schemes.to_vec();
        for (status, text) in [
            (
                StatusCode::BAD_REQUEST,
                "the credentials are malformed, repeated, or of several kinds",
            ),
            (
                StatusCode::UNAUTHORIZED,
                "the credentials are missing or invalid",
            ),
            (
                StatusCode::TOO_MANY_REQUESTS,
                "too many authentications failed",
            ),
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                "an internal error occurred",
            ),
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "the database is unavailable; a requested change may have been made",
            ),
        ] {
            self.problem(status, text);
        }
    }

    /// Adds the next parameter in the path.
    pub(in crate::http) fn path_parameter(&mut self, schema: Object) {
        self.path_parameters.push(schema);
    }

    pub(in crate::http) fn parameter(&mut self, parameter: Parameter) {
        self.parameters.push(parameter);
    }

    pub(in crate::http) fn body<T: ToSchema>(&mut self, required: Required) {
        let mut body = openapi::json(self.schemas.add::<T>());
        body.required = Some(required);
        self.body = Some(body);
    }

    pub(in crate::http) fn problem(&mut self, status: StatusCode, text: &str) {
        let more = match status {
            StatusCode::UNAUTHORIZED => Some(WWW_AUTHENTICATE),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Some(RETRY_AFTER),
            _ => None,
        };
        self.answer::<ProblemDetails<'_>>(status, problem::MEDIA_TYPE, more, text);
    }

    pub(super) fn answer<T: ToSchema>(
        &mut self,
        status: StatusCode,
        media_type: &'static str,
        more: Option<HeaderName>,
        text: &str,
    ) {
        let mut response = Response::new(());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        for name in more.into_iter().chain([CACHE_CONTROL]) {
            headers.insert(name, HeaderValue::from_static(""));
        }
        let schema = self.schemas.add::<T>();
        let answers = std::mem::take(&mut self.answers);
        self.answers = answers.add(&response, text, &schema);
    }

    pub(super) fn empty(&mut self, status: StatusCode, text: &str) {
        let answers = std::mem::take(&mut self.answers);
        let mut response = Response::new(());
        *response.status_mut() = status;
        self.answers = answers.add(&response, text, None);
    }

    pub(super) fn finish(self, path: &str) -> (Operation, Schemas) {
        let names = path.split('/').filter_map(|segment| {
            let name = segment.strip_prefix('{')?;
            name.strip_suffix('}')
        });
        let in_path = names.zip(self.path_parameters);
        let in_path = in_path.map(|(name, schema)| openapi::in_path(name, schema));
        let parameters: Vec<_> = in_path.chain(self.parameters).collect();
        let operation = OperationBuilder::new()
            .operation_id(Some(self.id))
            .summary(Some(self.summary))
            .securities(Some(Security::any_of(&self.security)))
            .parameters((!parameters.is_empty()).then_some(parameters))
            .request_body(self.body)
            .responses(self.answers.build());
        (operation.build(), self.schemas)
    }
}
