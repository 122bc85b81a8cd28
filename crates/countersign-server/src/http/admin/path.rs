//! Extractors of paths and queries.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use countersign::Id;
use countersign_wire::openapi;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use super::error::AdminError;
use super::fields::id;
use crate::http::openapi::{DescribeExtractor, OperationDraft};

/// Extracts the id in a path.
pub(super) struct PathId(pub(super) Id);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = AdminError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AdminError> {
        let PathText(text) = PathText::from_request_parts(parts, state).await?;
        id(&text).map(Self)
    }
}

impl DescribeExtractor for PathId {
    fn describe(draft: &mut OperationDraft) {
        draft.path_parameter(openapi::id("An id."));
        draft.problem(StatusCode::BAD_REQUEST, "the path contains no valid id");
        draft.problem(
            StatusCode::NOT_FOUND,
            "nothing that the caller can access has this id",
        );
    }
}

/// Extracts a text in a path, which others than this server may have chosen.
pub(super) struct PathText(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for PathText {
    type Rejection = AdminError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AdminError> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = text.map_err(|_| invalid_path())?;
        Ok(Self(text))
    }
}

impl DescribeExtractor for PathText {
    fn describe(draft: &mut OperationDraft) {
        draft.path_parameter(openapi::text("A name."));
        draft.problem(
            StatusCode::BAD_REQUEST,
            "the path is not percent-encoded UTF-8",
        );
        draft.problem(
            StatusCode::NOT_FOUND,
            "nothing that the caller can access has this name",
        );
    }
}

/// Extracts an id in a path, and the text behind it.
pub(super) struct PathPair(pub(super) Id, pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for PathPair {
    type Rejection = AdminError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AdminError> {
        let pair = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((first, second)) = pair.map_err(|_| invalid_path())?;
        Ok(Self(id(&first)?, second))
    }
}

impl DescribeExtractor for PathPair {
    fn describe(draft: &mut OperationDraft) {
        PathId::describe(draft);
        PathText::describe(draft);
    }
}

fn invalid_path() -> AdminError {
    AdminError::invalid("invalid_path", "The path is not percent-encoded UTF-8.")
}

/// Extracts the issuer from a query, if the query names one.
pub(super) struct IssuerQuery(pub(super) Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IssuerQuery {
    type Rejection = AdminError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AdminError> {
        match parts.uri.query() {
            None | Some("") => Ok(Self(None)),
            // The characters of a name need no encoding.
            Some(query) => match query.strip_prefix("issuer=") {
                Some(name) if !name.contains('&') => Ok(Self(Some(name.to_owned()))),
                _ => {
                    let detail = "The query may contain `issuer` once, and nothing else.";
                    Err(AdminError::invalid("invalid_query", detail))
                }
            },
        }
    }
}

impl DescribeExtractor for IssuerQuery {
    fn describe(draft: &mut OperationDraft) {
        let name = openapi::text("The name of an issuer; by default `default`.");
        draft.parameter(openapi::in_query("issuer", name));
        draft.problem(StatusCode::BAD_REQUEST, "the query is invalid");
    }
}

/// A query parameter that says where a page begins.
pub(super) trait Cursor: FromStr {
    /// The parameter's name.
    const NAME: &'static str;

    /// Returns the parameter's schema.
    fn schema() -> Object;
}

/// Extracts the requested page of a list: `limit`, and where the page begins.
pub(super) struct Page<C> {
    pub(super) limit: u32,
    pub(super) cursor: Option<C>,
}

impl<C: Cursor, S: Send + Sync> FromRequestParts<S> for Page<C> {
    type Rejection = AdminError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AdminError> {
        Self::read(parts.uri.query().unwrap_or_default()).ok_or_else(|| {
            let detail = format!(
                "The query may contain `limit`, from 1 to {}, and `{}`, the `next` of the previous page: each at \
                 most once, and nothing else.",
                Self::MAX,
                C::NAME
            );
            AdminError::invalid("invalid_query", detail)
        })
    }
}

impl<C: Cursor> DescribeExtractor for Page<C> {
    fn describe(draft: &mut OperationDraft) {
        let limit = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(1))
            .maximum(Some(Self::MAX));
        draft.parameter(openapi::in_query("limit", limit.build()));
        draft.parameter(openapi::in_query(C::NAME, C::schema()));
        draft.problem(StatusCode::BAD_REQUEST, "the query is invalid");
    }
}

impl<C: Cursor> Page<C> {
    const MAX: u32 = 1000;
    const DEFAULT: u32 = 100;

    fn read(query: &str) -> Option<Self> {
        let (mut limit, mut cursor) = (None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=')? {
                ("limit", text) if limit.is_none() => limit = Some(digits(text)?),
                (name, text) if name == C::NAME && cursor.is_none() => {
                    cursor = Some(text.parse().ok()?);
                }
                _ => return None,
            }
        }
        let limit = limit.unwrap_or(Self::DEFAULT);
        (1..=Self::MAX)
            .contains(&limit)
            .then_some(Self { limit, cursor })
    }
}

/// Parses digits only: Rust would also accept `+1`, in which a form decodes `+` as a space.
fn digits<N: FromStr>(text: &str) -> Option<N> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

impl Cursor for Id {
    const NAME: &'static str = "after";

    fn schema() -> Object {
        openapi::id("The `next` of the previous page.")
    }
}

/// The number of an audit record.
#[derive(Clone, Copy)]
pub(super) struct RecordNumber(pub(super) i64);

impl FromStr for RecordNumber {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        digits(text).map(Self).ok_or(())
    }
}

impl Cursor for RecordNumber {
    const NAME: &'static str = "before";

    fn schema() -> Object {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(0))
            .maximum(Some(i64::MAX))
            .description(Some("The `next` of the previous page."))
            .build()
    }
}
