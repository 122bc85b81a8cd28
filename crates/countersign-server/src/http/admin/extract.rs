//! What requests say, read strictly: whatever is misspelt, twice or of the wrong type is refused, and nothing
//! of it is repeated.

use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use countersign::{Id, Secret};
use countersign_wire::openapi;
use serde::de::DeserializeOwned;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Number;
use serde_json::error::Category;
use utoipa::ToSchema;
use utoipa::openapi::Required;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use super::problem::Problem;
use crate::http::openapi::{Draft, Part};

/// The members that a request's object may have. Derive it with `deny_unknown_fields`.
pub(super) trait Members: DeserializeOwned + ToSchema {
    /// All of them, for people.
    const EXPECTED: &'static str;
}

/// An object that has nothing to say.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = Nothing)]
#[serde(deny_unknown_fields)]
pub(super) struct Plainly {}

impl Members for Plainly {
    const EXPECTED: &'static str = "no members";
}

/// `deserialize_with` for what must not be printed.
pub(super) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::from)
}

/// `deserialize_with` for a whole number, however it is spelt: `60.0` is one, too.
pub(super) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let Some(number) = Option::<Number>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let spelt_whole = || format!("{}", number.as_f64()?).parse().ok();
    let whole = number.as_u64().or_else(spelt_whole);
    whole
        .map(Some)
        .ok_or_else(|| D::Error::custom("no whole number"))
}

/// A body: one JSON object.
pub(super) struct Json<T>(pub(super) T);

/// The same, where nothing at all is an object without members.
pub(super) struct OptionalJson<T>(pub(super) T);

impl<T: Members, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (headers, body) = received(request, state).await?;
        object(&headers, &body).map(Self)
    }
}

impl<T: Members + Default, S: Send + Sync> FromRequest<S> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (headers, body) = received(request, state).await?;
        if body.is_empty() {
            return Ok(Self(T::default()));
        }
        object(&headers, &body).map(Self)
    }
}

impl<T: Members> Part for Json<T> {
    fn describe(draft: &mut Draft) {
        draft.body::<T>(Required::True);
        body_problems(draft);
    }
}

impl<T: Members> Part for OptionalJson<T> {
    fn describe(draft: &mut Draft) {
        draft.body::<T>(Required::False);
        body_problems(draft);
    }
}

fn body_problems(draft: &mut Draft) {
    let media_type = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    draft.problem(StatusCode::BAD_REQUEST, "the body is not what is wanted");
    draft.problem(media_type, "the body is not `application/json`");
}

/// The body was read before, as far as it may go.
async fn received<S: Send + Sync>(
    request: Request,
    state: &S,
) -> Result<(HeaderMap, Bytes), Problem> {
    let headers = request.headers().clone();
    let body = Bytes::from_request(request, state).await;
    Ok((headers, body.map_err(|_| Problem::internal())?))
}

fn object<T: Members>(headers: &HeaderMap, body: &[u8]) -> Result<T, Problem> {
    if !is_json(headers) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "The body must be `application/json`.",
        ));
    }
    let unexpected = |place: &str| {
        let detail = format!("The body must be an object of {}{place}.", T::EXPECTED);
        Problem::invalid("invalid_body", detail)
    };
    match serde_json::from_slice(body) {
        // A list of the same values would do for serde.
        Ok(object) if body.trim_ascii_start().starts_with(b"{") => Ok(object),
        Ok(_) => Err(unexpected("")),
        // The error's own text repeats values.
        Err(error) => {
            let place = format!("line {}, column {}", error.line(), error.column());
            Err(match error.classify() {
                Category::Data => unexpected(&format!(", and of nothing else or twice ({place})")),
                _ => Problem::invalid("malformed_json", format!("The body is not JSON ({place}).")),
            })
        }
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

/// The id in a path.
pub(super) struct PathId(pub(super) Id);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let PathText(text) = PathText::from_request_parts(parts, state).await?;
        id(&text).map(Self)
    }
}

impl Part for PathId {
    fn describe(draft: &mut Draft) {
        draft.in_path(openapi::id("An id."));
        draft.problem(StatusCode::BAD_REQUEST, "the path has no id");
        draft.problem(StatusCode::NOT_FOUND, "there is no such thing within reach");
    }
}

/// The one text in a path that is not ours.
pub(super) struct PathText(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for PathText {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = text.map_err(|_| misspelt_path())?;
        Ok(Self(text))
    }
}

impl Part for PathText {
    fn describe(draft: &mut Draft) {
        draft.in_path(openapi::text("A name."));
        draft.problem(
            StatusCode::BAD_REQUEST,
            "the path is not percent-encoded UTF-8",
        );
        draft.problem(StatusCode::NOT_FOUND, "there is no such thing within reach");
    }
}

/// An id in a path, and behind it a text that is not ours.
pub(super) struct PathPair(pub(super) Id, pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for PathPair {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let pair = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((first, second)) = pair.map_err(|_| misspelt_path())?;
        Ok(Self(id(&first)?, second))
    }
}

impl Part for PathPair {
    fn describe(draft: &mut Draft) {
        PathId::describe(draft);
        PathText::describe(draft);
    }
}

fn misspelt_path() -> Problem {
    Problem::invalid("invalid_path", "The path is not percent-encoded UTF-8.")
}

/// The issuer that a query names, if it names one.
pub(super) struct IssuerOf(pub(super) Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IssuerOf {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.uri.query() {
            None | Some("") => Ok(Self(None)),
            // A name has nothing that would have to be encoded.
            Some(query) => match query.strip_prefix("issuer=") {
                Some(name) if !name.contains('&') => Ok(Self(Some(name.to_owned()))),
                _ => {
                    let detail = "The query may have `issuer`, and nothing else or twice.";
                    Err(Problem::invalid("invalid_query", detail))
                }
            },
        }
    }
}

impl Part for IssuerOf {
    fn describe(draft: &mut Draft) {
        let name = openapi::text("An issuer's name; by default `default`.");
        draft.parameter(openapi::in_query("issuer", name));
        draft.problem(StatusCode::BAD_REQUEST, "the query is not what is wanted");
    }
}

pub(super) fn id(text: &str) -> Result<Id, Problem> {
    text.parse()
        .map_err(|error| Problem::invalid("invalid_id", format!("This is {error}.")))
}

/// Where a page begins, and how it is called.
pub(super) trait Cursor: FromStr {
    /// The parameter's name.
    const NAME: &'static str;

    /// What it looks like.
    fn schema() -> Object;
}

/// The page of a list that is asked for: `limit`, and where it begins.
pub(super) struct Page<C> {
    pub(super) limit: u32,
    pub(super) cursor: Option<C>,
}

impl<C: Cursor, S: Send + Sync> FromRequestParts<S> for Page<C> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::read(parts.uri.query().unwrap_or_default()).ok_or_else(|| {
            let detail = format!(
                "The query may have `limit`, from 1 to {}, and `{}`, as the page before named it: each once, \
                 and nothing else.",
                Self::LONGEST,
                C::NAME
            );
            Problem::invalid("invalid_query", detail)
        })
    }
}

impl<C: Cursor> Part for Page<C> {
    fn describe(draft: &mut Draft) {
        let limit = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(1))
            .maximum(Some(Self::LONGEST));
        draft.parameter(openapi::in_query("limit", limit.build()));
        draft.parameter(openapi::in_query(C::NAME, C::schema()));
        draft.problem(StatusCode::BAD_REQUEST, "the query is not what is wanted");
    }
}

impl<C: Cursor> Page<C> {
    const LONGEST: u32 = 1000;
    const USUAL: u32 = 100;

    fn read(query: &str) -> Option<Self> {
        let (mut limit, mut cursor) = (None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=')? {
                ("limit", text) if limit.is_none() => limit = Some(number(text)?),
                (name, text) if name == C::NAME && cursor.is_none() => {
                    cursor = Some(text.parse().ok()?);
                }
                _ => return None,
            }
        }
        let limit = limit.unwrap_or(Self::USUAL);
        (1..=Self::LONGEST)
            .contains(&limit)
            .then_some(Self { limit, cursor })
    }

    /// The page's items of one more than it holds, and the one that the next page begins behind.
    pub(super) fn cut<T, N>(
        &self,
        mut items: Vec<T>,
        name: impl Fn(&T) -> N,
    ) -> (Vec<T>, Option<N>) {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(name);
        (items, next)
    }

    /// One more than the page holds: it says whether there is another page.
    pub(super) const fn one_more(&self) -> u32 {
        self.limit.saturating_add(1)
    }
}

/// Digits alone: `+1` is another way to write a number, and a space to a form.
fn number<N: FromStr>(text: &str) -> Option<N> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

impl Cursor for Id {
    const NAME: &'static str = "after";

    fn schema() -> Object {
        openapi::id("The `next` of the page before.")
    }
}

/// The number of a record of the audit log.
#[derive(Clone, Copy)]
pub(super) struct RecordNumber(pub(super) i64);

impl FromStr for RecordNumber {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        number(text).map(Self).ok_or(())
    }
}

impl Cursor for RecordNumber {
    const NAME: &'static str = "before";

    fn schema() -> Object {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(0))
            .maximum(Some(i64::MAX))
            .description(Some("The `next` of the page before."))
            .build()
    }
}
