//! Extractors of paths and queries.

use axum::extract::{self, FromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use countersign::Id;
use countersign::registry::Page;
use countersign_cli::schema;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use utoipa::IntoParams;

use super::error::AdminError;
use crate::http::openapi::{DescribeExtractor, OperationDraft};

/// Extracts the parameters of a path: ids, and names that others than this server may have chosen.
pub(super) struct Path<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = AdminError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AdminError> {
        let path = extract::Path::from_request_parts(parts, state).await;
        let extract::Path(parameters) = path.map_err(|_| {
            let detail = "The path contains no valid id, or is not percent-encoded UTF-8.";
            AdminError::invalid("invalid_path", detail)
        })?;
        Ok(Self(parameters))
    }
}

impl<T> DescribeExtractor for Path<T> {
    fn describe(draft: &mut OperationDraft) {
        draft.problem(StatusCode::BAD_REQUEST, "the path is invalid");
    }
}

/// Extracts the parameters of a query: each at most once, and no others.
pub(in crate::http) struct Query<T>(pub(in crate::http) T);

impl<T: DeserializeOwned + IntoParams, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = AdminError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AdminError> {
        let query = extract::Query::try_from_uri(&parts.uri);
        let extract::Query(parameters) = query.map_err(|_| {
            let parameters = T::into_params(|| None);
            let names: Vec<_> = parameters.iter().map(|one| format!("`{}`", one.name)).collect();
            let detail = format!(
                "The query may contain {}, each at most once, with the values in `/openapi.json`, and nothing else.",
                names.join(" and ")
            );
            AdminError::invalid("invalid_query", detail)
        })?;
        Ok(Self(parameters))
    }
}

impl<T: IntoParams> DescribeExtractor for Query<T> {
    fn describe(draft: &mut OperationDraft) {
        draft.parameters(T::into_params(|| None));
        draft.problem(StatusCode::BAD_REQUEST, "the query is invalid");
    }
}

/// The query of a list of accounts, environments or sessions.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    #[serde(default = "default_limit", deserialize_with = "limit")]
    #[param(minimum = 1, maximum = 1000)]
    pub(super) limit: u32,
    /// The `next` of the previous page.
    #[param(value_type = schema::Id, inline, required = false)]
    pub(super) after: Option<Id>,
}

impl PageQuery {
    pub(super) const fn page(&self) -> Page {
        Page::after(self.after, self.limit)
    }
}

/// The query of a list of keys, users or managed tokens.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct CredentialQuery {
    #[serde(default = "default_limit", deserialize_with = "limit")]
    #[param(minimum = 1, maximum = 1000)]
    pub(super) limit: u32,
    /// The `next` of the previous page.
    #[param(value_type = schema::Id, inline, required = false)]
    pub(super) after: Option<Id>,
    /// The key or user that created them.
    #[param(value_type = schema::Id, inline, required = false)]
    pub(super) created_by: Option<Id>,
}

impl CredentialQuery {
    pub(super) const fn page(&self) -> Page {
        Page::after(self.after, self.limit)
    }
}

/// The query of a list of audit records.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditQuery {
    #[serde(default = "default_limit", deserialize_with = "limit")]
    #[param(minimum = 1, maximum = 1000)]
    pub(super) limit: u32,
    /// The `next` of the previous page.
    #[serde(default, deserialize_with = "record_number")]
    #[param(minimum = 0, required = false)]
    pub(super) before: Option<i64>,
}

const fn default_limit() -> u32 {
    100
}

fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let limit = u32::deserialize(deserializer)?;
    let valid = (1..=1000).contains(&limit);
    valid
        .then_some(limit)
        .ok_or_else(|| D::Error::custom("not from 1 to 1000"))
}

fn record_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let number = i64::deserialize(deserializer)?;
    match number {
        0.. => Ok(Some(number)),
        _ => Err(D::Error::custom("negative")),
    }
}

/// The query of an issuer's resources.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct IssuerQuery {
    /// The name of an issuer; by default `default`.
    #[param(value_type = String, required = false)]
    pub(super) issuer: Option<String>,
}
