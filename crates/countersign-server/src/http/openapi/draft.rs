//! The description of an operation, assembled from its handler.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use countersign_wire::openapi::{self, Description, ResponsesBuilder, Schemas, Security};
use utoipa::ToSchema;
use utoipa::openapi::path::{Operation, Parameter};
use utoipa::openapi::{HttpMethod, RefOr, Required};

use crate::http::problem::{self, ProblemDetails};

const JSON: &str = "application/json";

/// The unfinished description of an operation.
pub(in crate::http) struct OperationDraft {
    path: String,
    method: HttpMethod,
    pub(super) operation: Operation,
    responses: ResponsesBuilder,
    schemas: Schemas,
}

impl OperationDraft {
    /// Creates a description without responses. A parameter of the path is an id if it is called `id`, and else a name.
    pub(super) fn new(method: HttpMethod, path: String, id: String) -> Self {
        let names = path.split('/').filter_map(|segment| {
            let name = segment.strip_prefix('{')?;
            name.strip_suffix('}')
        });
        let parameters = names.map(|name| match name {
            "id" => openapi::in_path(name, openapi::id("An id.")),
            name => openapi::in_path(name, openapi::text("A name.")),
        });
        let parameters: Vec<_> = parameters.map(RefOr::T).collect();
        let mut operation = Operation::new();
        operation.operation_id = Some(id);
        operation.security = Some(Vec::new());
        operation.parameters = (!parameters.is_empty()).then_some(parameters);
        Self {
            path,
            method,
            operation,
            responses: ResponsesBuilder::default(),
            schemas: Schemas::default(),
        }
    }

    /// Returns whether the operation may change something.
    pub(in crate::http) fn is_unsafe(&self) -> bool {
        self.method != HttpMethod::Get
    }

    /// Requires one of these credentials, and adds the errors of authentication.
    pub(in crate::http) fn secured(&mut self, schemes: &[Security]) {
        self.operation.security = Some(Security::any_of(schemes));
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

    pub(in crate::http) fn parameters(&mut self, parameters: Vec<Parameter>) {
        let present = self.operation.parameters.get_or_insert_default();
        present.extend(parameters.into_iter().map(RefOr::T));
    }

    pub(in crate::http) fn body<T: ToSchema>(&mut self, required: Required) {
        let mut body = openapi::json(self.schemas.add::<T>());
        body.required = Some(required);
        self.operation.request_body = Some(RefOr::T(body));
    }

    /// Adds an error response.
    pub(in crate::http) fn problem(&mut self, status: StatusCode, text: &str) {
        let more = match status {
            StatusCode::UNAUTHORIZED => Some(WWW_AUTHENTICATE),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Some(RETRY_AFTER),
            _ => None,
        };
        self.response::<ProblemDetails<'_>>(status, problem::MEDIA_TYPE, more, text);
    }

    /// Adds the response of a successful operation.
    pub(in crate::http) fn success<T: ToSchema>(
        &mut self,
        status: StatusCode,
        more: Option<HeaderName>,
    ) {
        self.response::<T>(status, JSON, more, "success");
    }

    fn response<T: ToSchema>(
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
        let responses = std::mem::take(&mut self.responses);
        self.responses = responses.add(&response, text, &schema);
    }

    /// Adds a response without a body.
    pub(in crate::http) fn empty(&mut self, status: StatusCode, text: &str) {
        let responses = std::mem::take(&mut self.responses);
        let mut response = Response::new(());
        *response.status_mut() = status;
        self.responses = responses.add(&response, text, None);
    }

    pub(super) fn finish(self) -> (String, Description) {
        let mut operation = self.operation;
        operation.responses = self.responses.build();
        let description = Description::default().with("", self.method, operation);
        (self.path, description.schemas(self.schemas))
    }
}
