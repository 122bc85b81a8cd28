use std::collections::{BTreeMap, BTreeSet};

use http::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETAG, LOCATION, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderName, Response, StatusCode};
use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::{Content, Header, RefOr, ResponseBuilder, Responses};

use crate::RequestId;

/// An operation's answers, from which those of one status are made one.
#[derive(Clone, Debug, Default)]
pub struct Answers(BTreeMap<u16, Merged>);

#[derive(Clone, Debug, Default)]
struct Merged {
    texts: Vec<String>,
    headers: BTreeSet<&'static str>,
    bodies: BTreeMap<String, Vec<RefOr<Schema>>>,
}

impl Answers {
    /// The same, and one that looks like `response`, with a body of this schema, if it has one.
    #[must_use]
    pub fn like<B>(
        mut self,
        response: &Response<B>,
        text: impl Into<String>,
        schema: &RefOr<Schema>,
    ) -> Self {
        let merged = self.0.entry(response.status().as_u16()).or_default();
        let text = text.into();
        if !merged.texts.contains(&text) {
            merged.texts.push(text);
        }
        let known = HEADERS.iter().map(|(name, _)| name);
        let sent = known.filter(|name| response.headers().contains_key(*name));
        merged.headers.extend(sent.map(HeaderName::as_str));
        let media_type = response.headers().get(CONTENT_TYPE);
        if let Some(media_type) = media_type.and_then(|value| value.to_str().ok()) {
            let bodies = merged.bodies.entry(media_type.to_owned()).or_default();
            if !bodies.contains(schema) {
                bodies.push(schema.clone());
            }
        }
        self
    }

    /// The same, and one of this status that has these headers, and no body.
    #[must_use]
    pub fn empty(mut self, status: StatusCode, text: &str, headers: &[HeaderName]) -> Self {
        let merged = self.0.entry(status.as_u16()).or_default();
        merged.texts.push(text.to_owned());
        let known = HEADERS.iter().map(|(name, _)| name);
        let sent = known.filter(|name| headers.contains(name));
        merged.headers.extend(sent.map(HeaderName::as_str));
        self
    }

    /// The answers.
    #[must_use]
    pub fn build(self) -> Responses {
        let mut responses = Responses::new();
        for (status, merged) in self.0 {
            let response = merged.build();
            let response = RefOr::T(response);
            responses.responses.insert(status.to_string(), response);
        }
        responses
    }
}

impl Merged {
    fn build(self) -> utoipa::openapi::Response {
        let mut response = ResponseBuilder::new().description(sentence(&self.texts));
        for (name, text) in &HEADERS {
            if self.headers.contains(name.as_str()) {
                response = response.header(name.as_str(), header(name, text));
            }
        }
        for (media_type, mut schemas) in self.bodies {
            let schema = match (schemas.pop(), schemas.is_empty()) {
                (Some(only), true) => only,
                (last, _) => {
                    let any = schemas
                        .into_iter()
                        .chain(last)
                        .fold(AnyOfBuilder::new(), AnyOfBuilder::item);
                    RefOr::T(Schema::AnyOf(any.build()))
                }
            };
            response = response.content(media_type, Content::new(Some(schema)));
        }
        response.build()
    }
}

/// Begun as a sentence is, and ended as one.
fn sentence(texts: &[String]) -> String {
    let joined = texts.join("; ");
    let mut letters = joined.trim_end_matches('.').chars();
    let first = letters.next().map(|first| first.to_uppercase());
    let mut sentence: String = first.into_iter().flatten().collect();
    sentence.extend(letters);
    sentence.push('.');
    sentence
}

static HEADERS: [(HeaderName, &str); 9] = [
    (CACHE_CONTROL, "Whether the answer may be kept."),
    (ETAG, "What the document is known by (RFC 9110)."),
    (LOCATION, "Where it is."),
    (PRAGMA, "`no-cache` (RFC 6749)."),
    (
        HeaderName::from_static("ratelimit"),
        "Which limit it was, and when there is room again.",
    ),
    (
        HeaderName::from_static("ratelimit-policy"),
        "How much there is of it.",
    ),
    (RETRY_AFTER, "In how many seconds to try again."),
    (WWW_AUTHENTICATE, "How to authenticate."),
    (RequestId::HEADER, "The request's id, as the log has it."),
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
