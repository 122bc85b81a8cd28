//! Request bodies, read strictly: an unknown, repeated or mistyped member is an error, and errors repeat no value.

use axum::body::{Bytes, HttpBody as _};
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use countersign::Secret;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Number;
use serde_json::error::Category;
use utoipa::ToSchema;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{RefOr, Required};

use super::error::{AdminError, Result};
use crate::http::json::Json;
use crate::http::openapi::{DescribeExtractor, OperationDraft};

/// A JSON object without members.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EmptyBody {}

/// Deserializes a secret (`deserialize_with`).
pub(super) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::from)
}

/// Deserializes a whole number, also one that is spelled `60.0` (`deserialize_with`).
pub(super) fn whole_number<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    let Some(number) = Option::<Number>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let from_float = || format!("{}", number.as_f64()?).parse().ok();
    let whole = number.as_u64().or_else(from_float);
    whole
        .map(Some)
        .ok_or_else(|| D::Error::custom("expected a whole number"))
}

/// Extracts a JSON object from the body. An empty body is an object without members.
pub(super) struct OptionalJson<T>(pub(super) T);

impl<T: DeserializeOwned + ToSchema, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = AdminError;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let headers = request.headers().clone();
        // The middleware has read and limited the body.
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|error| AdminError::internal(&error))?;
        parse(&headers, &body).map(Self)
    }
}

impl<T: DeserializeOwned + ToSchema + Default, S: Send + Sync> FromRequest<S> for OptionalJson<T> {
    type Rejection = AdminError;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        if request.body().is_end_stream() {
            return Ok(Self(T::default()));
        }
        let Json(body) = Json::from_request(request, state).await?;
        Ok(Self(body))
    }
}

impl<T: ToSchema> DescribeExtractor for Json<T> {
    fn describe(draft: &mut OperationDraft) {
        draft.body::<T>(Required::True);
        let media_type = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        draft.problem(StatusCode::BAD_REQUEST, "the body is invalid");
        draft.problem(media_type, "the body is not `application/json`");
    }
}

impl<T: ToSchema> DescribeExtractor for OptionalJson<T> {
    fn describe(draft: &mut OperationDraft) {
        Json::<T>::describe(draft);
        draft.body::<T>(Required::False);
    }
}

fn parse<T: DeserializeOwned + ToSchema>(headers: &HeaderMap, body: &[u8]) -> Result<T> {
    if !is_json(headers) {
        return Err(AdminError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "The body must be `application/json`.",
        ));
    }
    let unexpected = |position: &str| {
        let detail = format!(
            "The body must be an object of {}, each at most once, with the types in `/openapi.json`{position}.",
            members::<T>()
        );
        AdminError::invalid("invalid_body", detail)
    };
    match serde_json::from_slice(body) {
        // serde would also accept a list of the same values.
        Ok(object) if body.trim_ascii_start().starts_with(b"{") => Ok(object),
        Ok(_) => Err(unexpected("")),
        // The error's own text repeats values.
        Err(error) => {
            let position = format!("line {}, column {}", error.line(), error.column());
            Err(match error.classify() {
                Category::Data => unexpected(&format!(" ({position})")),
                _ => AdminError::invalid(
                    "malformed_json",
                    format!("The body is not valid JSON ({position})."),
                ),
            })
        }
    }
}

/// Lists the members of an object by its schema.
fn members<T: ToSchema>() -> String {
    let RefOr::T(Schema::Object(object)) = T::schema() else {
        return "no members".to_owned();
    };
    let list = |required| {
        let names = object.properties.keys().map(String::as_str);
        let names = names.filter(|name| object.required.iter().any(|one| one == name) == required);
        let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
        names.join(", ")
    };
    match (list(true), list(false)) {
        (required, optional) if required.is_empty() && optional.is_empty() => {
            "no members".to_owned()
        }
        (required, optional) if required.is_empty() => format!("optionally {optional}"),
        (required, optional) if optional.is_empty() => required,
        (required, optional) => format!("{required}, and optionally {optional}"),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else {
        return false;
    };
    let name = only.as_bytes().split(|&byte| byte == b';').next();
    name.is_some_and(|name| name.trim_ascii().eq_ignore_ascii_case(b"application/json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize, ToSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the schema is used")]
    struct ExampleRequest {
        name: String,
        scopes: Vec<String>,
        reason: Option<String>,
        #[serde(default)]
        issuers: Vec<String>,
    }

    #[test]
    fn members_are_listed_by_the_schema() {
        assert_eq!(
            members::<ExampleRequest>(),
            "`name`, `scopes`, and optionally `issuers`, `reason`"
        );
        assert_eq!(members::<EmptyBody>(), "no members");
    }
}
