//! The request that a gateway asks about.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use countersign::rejection::{Reason, Rejection};

use super::path;

const METHOD: [HeaderName; 2] = [
    HeaderName::from_static("x-forwarded-method"),
    HeaderName::from_static("x-original-method"),
];
const TARGET: [HeaderName; 2] = [
    HeaderName::from_static("x-forwarded-uri"),
    HeaderName::from_static("x-original-uri"),
];

/// The method and the decoded segments of the path of the original request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OriginalRequest {
    pub(super) method: Method,
    pub(super) path: Vec<String>,
}

/// Why the original request is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnknownRequest {
    /// A header is missing.
    Missing,
    /// A header is repeated, or two headers differ.
    Conflicting,
    /// The method is not a method, or gateways and services could read the path differently.
    Ambiguous,
}

impl OriginalRequest {
    /// Reads the original request from headers: `X-Original-URI` or `X-Forwarded-Uri`, and `X-Original-Method` or
    /// `X-Forwarded-Method`.
    pub(super) fn of_headers(headers: &HeaderMap) -> Result<Self, UnknownRequest> {
        let target = only(headers, TARGET)?;
        let method = only(headers, METHOD)?;
        let method = Method::from_bytes(method.as_bytes());
        let method = method.map_err(|_| UnknownRequest::Ambiguous)?;
        Self::new(method, target.as_bytes())
    }

    /// Creates the original request of this method for this target, a path with or without a query.
    pub(super) fn new(method: Method, target: &[u8]) -> Result<Self, UnknownRequest> {
        let path = path::segments(target).ok_or(UnknownRequest::Ambiguous)?;
        Ok(Self { method, path })
    }
}

impl From<UnknownRequest> for Rejection {
    fn from(unknown: UnknownRequest) -> Self {
        Self::new(Reason::Unmet(match unknown {
            UnknownRequest::Missing => "original_request_missing",
            UnknownRequest::Conflicting => "original_request_conflicting",
            UnknownRequest::Ambiguous => "original_request_ambiguous",
        }))
    }
}

/// Returns the value of two headers that say the same. Either may be absent.
fn only(headers: &HeaderMap, names: [HeaderName; 2]) -> Result<&HeaderValue, UnknownRequest> {
    let mut found: Option<&HeaderValue> = None;
    for name in names {
        let mut values = headers.get_all(name).iter();
        let value = values.next();
        let differs = found.is_some_and(|found| value.is_some_and(|value| value != found));
        if differs || values.next().is_some() {
            return Err(UnknownRequest::Conflicting);
        }
        found = found.or(value);
    }
    found.ok_or(UnknownRequest::Missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&'static str, &'static str)]) -> Result<OriginalRequest, UnknownRequest> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        OriginalRequest::of_headers(&map)
    }

    #[test]
    fn either_pair_of_headers_is_read_and_both_if_they_agree() {
        let expected = OriginalRequest::new(Method::POST, b"/calls").unwrap();
        let original = [("x-original-uri", "/calls"), ("x-original-method", "POST")];
        let forwarded = [
            ("x-forwarded-uri", "/calls"),
            ("x-forwarded-method", "POST"),
        ];
        let mixed = [original[0], forwarded[1]];
        let both = [original, forwarded].concat();
        for headers in [original.to_vec(), forwarded.to_vec(), mixed.to_vec(), both] {
            assert_eq!(read(&headers).as_ref(), Ok(&expected), "{headers:?}");
        }
    }

    #[test]
    fn request_is_unknown_if_a_header_is_missing_repeated_or_contradicted() {
        let (uri, method) = (("x-original-uri", "/calls"), ("x-original-method", "GET"));
        for (headers, expected) in [
            (&[uri][..], UnknownRequest::Missing),
            (&[method], UnknownRequest::Missing),
            (&[uri, uri, method], UnknownRequest::Conflicting),
            (&[uri, method, method], UnknownRequest::Conflicting),
            (
                &[uri, method, ("x-forwarded-uri", "/")],
                UnknownRequest::Conflicting,
            ),
            (
                &[uri, method, ("x-forwarded-uri", "/calls/")],
                UnknownRequest::Conflicting,
            ),
            (
                &[uri, method, ("x-forwarded-method", "get")],
                UnknownRequest::Conflicting,
            ),
            (
                &[uri, method, ("x-forwarded-method", "")],
                UnknownRequest::Conflicting,
            ),
            (&[uri, ("x-original-method", "")], UnknownRequest::Ambiguous),
            (
                &[uri, ("x-original-method", "GET, POST")],
                UnknownRequest::Ambiguous,
            ),
            (
                &[method, ("x-original-uri", "/calls/../x")],
                UnknownRequest::Ambiguous,
            ),
            (&[method, ("x-original-uri", "")], UnknownRequest::Ambiguous),
        ] {
            assert_eq!(read(headers), Err(expected), "{headers:?}");
        }
        assert_eq!(read(&[]), Err(UnknownRequest::Missing));
    }
}
