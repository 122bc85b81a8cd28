use std::collections::{BTreeMap, BTreeSet};

use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, ETAG, LOCATION, PRAGMA, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use http::{HeaderName, Response};
use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::{Content, Header, RefOr, ResponseBuilder, Responses};

use crate::request_id::RequestId;

/// Collects the responses of an operation. Responses with the same status are merged.
#[derive(Clone, Debug, Default)]
pub struct ResponsesBuilder(BTreeMap<u16, MergedResponse>);

#[derive(Clone, Debug, Default)]
struct MergedResponse {
    descriptions: Vec<String>,
    headers: BTreeSet<&'static str>,
    bodies: BTreeMap<String, Vec<RefOr<Schema>>>,
}

impl ResponsesBuilder {
    /// Adds a response with the status, headers and media type of `response`. If it has a media type, its body has this
    /// schema.
    #[must_use]
    pub fn add<'a, B>(
        mut self,
        response: &Response<B>,
        description: impl Into<String>,
        schema: impl Into<Option<&'a RefOr<Schema>>>,
    ) -> Self {
        let merged = self.0.entry(response.status().as_u16()).or_default();
        let description = description.into();
        if !merged.descriptions.contains(&description) {
            merged.descriptions.push(description);
        }
        let known = HEADERS.iter().map(|(name, _)| name);
        let sent = known.filter(|name| response.headers().contains_key(*name));
        merged.headers.extend(sent.map(HeaderName::as_str));
        let media_type = response.headers().get(CONTENT_TYPE);
        let media_type = media_type.and_then(|value| value.to_str().ok());
        if let Some((media_type, schema)) = media_type.zip(schema.into()) {
            let bodies = merged.bodies.entry(media_type.to_owned()).or_default();
            if !bodies.contains(schema) {
                bodies.push(schema.clone());
            }
        }
        self
    }

    /// Returns the responses.
    #[must_use]
    pub fn build(self) -> Responses {
        let responses = self.0.into_iter();
        responses
            .map(|(status, merged)| (status.to_string(), merged.build()))
            .collect()
    }
}

impl MergedResponse {
    fn build(self) -> utoipa::openapi::Response {
        let mut response = ResponseBuilder::new().description(sentence(&self.descriptions));
        for (name, text) in &HEADERS {
            if self.headers.contains(name.as_str()) {
                response = response.header(name.as_str(), header(name, text));
            }
        }
        for (media_type, mut schemas) in self.bodies {
            let schema = match schemas.pop() {
                Some(only) if schemas.is_empty() => only,
                last => {
                    let all = schemas.into_iter().chain(last);
                    let any = all.fold(AnyOfBuilder::new(), AnyOfBuilder::item);
                    RefOr::T(Schema::AnyOf(any.build()))
                }
            };
            response = response.content(media_type, Content::new(Some(schema)));
        }
        response.build()
    }
}

/// Joins the descriptions to a sentence.
fn sentence(descriptions: &[String]) -> String {
    let joined = descriptions.join("; ");
    let mut letters = joined.trim_end_matches('.').chars();
    let first = letters.next().map(|first| first.to_uppercase());
    first
        .into_iter()
        .flatten()
        .chain(letters)
        .chain(['.'])
        .collect()
}

static HEADERS: [(HeaderName, &str); 10] = [
    (
        ACCESS_CONTROL_ALLOW_ORIGIN,
        "The sites whose pages may read the response.",
    ),
    (CACHE_CONTROL, "Whether the response may be stored."),
    (ETAG, "The version of the document (RFC 9110)."),
    (LOCATION, "The path of the new resource."),
    (PRAGMA, "`no-cache` (RFC 6749)."),
    (
        HeaderName::from_static("ratelimit"),
        "The limit that was exceeded, and when to try again.",
    ),
    (
        HeaderName::from_static("ratelimit-policy"),
        "The quota of the limit.",
    ),
    (
        RETRY_AFTER,
        "The number of seconds after which to try again.",
    ),
    (WWW_AUTHENTICATE, "How to authenticate."),
    (RequestId::HEADER, "The id of the request, as in the log."),
];

fn header(name: &HeaderName, text: &str) -> Header {
    let schema = match *name {
        RETRY_AFTER => ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(1)),
        _ => ObjectBuilder::new().schema_type(Type::String),
    };
    let header = utoipa::openapi::HeaderBuilder::new().schema(Some(schema.build()));
    header.description(Some(text)).build()
}
