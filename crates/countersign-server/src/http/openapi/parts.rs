use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use countersign::Principal;
use countersign_wire::openapi::{self, Answers, Schemas, Security};
use utoipa::ToSchema;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Operation, OperationBuilder, Parameter};
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::schema::Object;

use crate::http::admin::problem;

/// What an argument of a handler says of the requests that it is read from.
pub(in crate::http) trait Part {
    fn describe(draft: &mut Draft);
}

/// All arguments of a handler, as axum infers them.
pub(in crate::http) trait Parts {
    fn describe(draft: &mut Draft);
}

macro_rules! parts {
    ($($part:ident)*) => {
        impl<Via, $($part: Part),*> Parts for (Via, $($part,)*) {
            fn describe(_draft: &mut Draft) {
                $($part::describe(_draft);)*
            }
        }
    };
}

parts! {}
parts! { A }
parts! { A B }
parts! { A B C }
parts! { A B C D }

impl<S> Part for State<S> {
    fn describe(_: &mut Draft) {}
}

/// Any credential that is good.
impl Part for Principal {
    fn describe(draft: &mut Draft) {
        draft.secured(&[Security::Bearer, Security::ApiKey, Security::Basic]);
    }
}

/// An operation in the making.
pub(in crate::http) struct Draft {
    id: String,
    summary: &'static str,
    security: Vec<Security>,
    /// In the order in which they stand in the path, which names them.
    in_path: Vec<Object>,
    parameters: Vec<Parameter>,
    body: Option<RequestBody>,
    answers: Answers,
    schemas: Schemas,
}

impl Draft {
    pub(super) fn new(id: String, summary: &'static str) -> Self {
        Self {
            id,
            summary,
            security: Vec::new(),
            in_path: Vec::new(),
            parameters: Vec::new(),
            body: None,
            answers: Answers::default(),
            schemas: Schemas::default(),
        }
    }

    /// It takes one of these credentials, and says in a problem that they were not good.
    pub(in crate::http) fn secured(&mut self, schemes: &[Security]) {
        self.security = schemes.to_vec();
        for (status, text) in [
            (
                StatusCode::BAD_REQUEST,
                "the credentials are malformed, or there is more than one of them",
            ),
            (
                StatusCode::UNAUTHORIZED,
                "the credentials are missing or not valid",
            ),
            (
                StatusCode::TOO_MANY_REQUESTS,
                "there were too many failures",
            ),
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                "the fault is the server's",
            ),
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "credentials or records cannot be reached at present",
            ),
        ] {
            self.problem(status, text);
        }
    }

    /// The next segment of the path that is not fixed.
    pub(in crate::http) fn in_path(&mut self, schema: Object) {
        self.in_path.push(schema);
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
        self.answer::<problem::Shown<'_>>(status, "application/problem+json", more, text);
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
        self.answers = answers.like(&response, text, &schema);
    }

    pub(super) fn empty(&mut self, status: StatusCode, text: &str) {
        let answers = std::mem::take(&mut self.answers);
        self.answers = answers.empty(status, text, &[]);
    }

    pub(super) fn finish(self, path: &str) -> (Operation, Schemas) {
        let names = path.split('/').filter_map(|segment| {
            let name = segment.strip_prefix('{')?;
            name.strip_suffix('}')
        });
        let in_path = names.zip(self.in_path);
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
