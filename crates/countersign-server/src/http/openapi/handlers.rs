//! Handlers, whose types describe them.

use axum::extract::State;
use axum::handler::Handler;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::NoContent;
use axum::routing::{self, MethodRouter};
use countersign::{PrimaryPrincipal, Principal};
use countersign_wire::openapi::Security;
use utoipa::ToSchema;
use utoipa::openapi::HttpMethod;

use super::draft::OperationDraft;
use crate::http::erased::ErasedHandler;
use crate::http::json::{Created, Json};

/// Describes what an argument of a handler reads of a request.
pub(in crate::http) trait DescribeExtractor {
    fn describe(draft: &mut OperationDraft);
}

impl<S> DescribeExtractor for State<S> {
    fn describe(_: &mut OperationDraft) {}
}

/// Any valid credential.
impl DescribeExtractor for Principal {
    fn describe(draft: &mut OperationDraft) {
        draft.secured(&[Security::Bearer, Security::ApiKey, Security::Basic]);
    }
}

/// Any valid long-lived credential.
impl DescribeExtractor for PrimaryPrincipal {
    fn describe(draft: &mut OperationDraft) {
        draft.secured(&[Security::ApiKey, Security::Basic]);
        let text = "the credentials are a token, or lack the scope";
        draft.problem(StatusCode::FORBIDDEN, text);
    }
}

/// Describes the successful response of a handler.
pub(in crate::http) trait DescribeResponse {
    fn describe(draft: &mut OperationDraft);
}

impl<T: ToSchema> DescribeResponse for Json<T> {
    fn describe(draft: &mut OperationDraft) {
        draft.success::<T>(StatusCode::OK, None);
    }
}

impl<T: ToSchema> DescribeResponse for Created<T> {
    fn describe(draft: &mut OperationDraft) {
        draft.success::<T>(StatusCode::CREATED, Some(LOCATION));
    }
}

impl DescribeResponse for NoContent {
    fn describe(draft: &mut OperationDraft) {
        draft.empty(StatusCode::NO_CONTENT, "success");
    }
}

/// A status is no description: [`DescribedHandler::answers`] adds the statuses.
impl DescribeResponse for StatusCode {
    fn describe(_: &mut OperationDraft) {}
}

/// The extractors describe the errors.
impl<T: DescribeResponse, E> DescribeResponse for Result<T, E> {
    fn describe(draft: &mut OperationDraft) {
        T::describe(draft);
    }
}

/// Describes a handler with these arguments, as axum infers them.
pub(in crate::http) trait DescribeHandler<Arguments> {
    fn describe(draft: &mut OperationDraft);
}

macro_rules! describe_handlers {
    ($($extractor:ident)*) => {
        impl<H, Via, Response, $($extractor),*> DescribeHandler<(Via, $($extractor,)*)> for H
        where
            H: FnOnce($($extractor),*) -> Response,
            Response: Future<Output: DescribeResponse>,
            $($extractor: DescribeExtractor,)*
        {
            fn describe(draft: &mut OperationDraft) {
                $($extractor::describe(draft);)*
                Response::Output::describe(draft);
            }
        }
    };
}

describe_handlers! {}
describe_handlers! { A }
describe_handlers! { A B }
describe_handlers! { A B C }
describe_handlers! { A B C D }

/// A handler of one method and path with its description.
pub(in crate::http) struct DescribedHandler<S> {
    pub(super) route: MethodRouter<S>,
    pub(super) draft: OperationDraft,
}

macro_rules! methods {
    ($($name:ident $method:ident)*) => {$(
        /// Mounts a handler of this method. `id` is the operation's unique name.
        pub(in crate::http) fn $name<H, T, S>(
            path: impl Into<String>,
            id: impl Into<String>,
            handler: H,
        ) -> DescribedHandler<S>
        where
            H: Handler<T, S> + DescribeHandler<T>,
            T: 'static,
            S: Clone + Send + Sync + 'static,
        {
            let mut draft = OperationDraft::new(HttpMethod::$method, path.into(), id.into());
            H::describe(&mut draft);
            DescribedHandler {
                route: routing::$name(ErasedHandler::new(handler)),
                draft,
            }
        }
    )*};
}

methods! { get Get post Post put Put delete Delete }

impl<S> DescribedHandler<S> {
    /// Sets the line that says what the operation does.
    pub(in crate::http) fn summary(mut self, summary: &str) -> Self {
        self.draft.operation.summary = Some(summary.to_owned());
        self
    }

    /// Adds a response without a body.
    pub(in crate::http) fn answers(mut self, status: StatusCode, text: &str) -> Self {
        self.draft.empty(status, text);
        self
    }
}
