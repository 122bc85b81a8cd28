use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tower_service::Service;

use crate::response::ResponseBody;

/// A public JSON document, served to GET and HEAD with an `ETag` (RFC 9110 §8.8.3). It may be cached for five minutes, and
/// pages of every site may read it (`Access-Control-Allow-Origin: *`).
///
/// ```
/// use countersign_wire::Document;
/// use http::{Request, StatusCode};
/// use tower::ServiceExt;
///
/// # tokio_test::block_on(async {
/// let keys = Document::new("application/jwk-set+json", r#"{"keys":[]}"#.to_owned());
/// let response = keys.clone().oneshot(Request::get("/").body(())?).await?;
/// let tag = response.headers()["etag"].clone();
///
/// let again = keys.clone().oneshot(Request::get("/").header("if-none-match", tag).body(())?).await?;
/// assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
///
/// let rejected = keys.oneshot(Request::post("/").body(())?).await?;
/// assert_eq!(rejected.status(), StatusCode::METHOD_NOT_ALLOWED);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Document {
    content_type: HeaderValue,
    read: Arc<dyn Fn() -> Arc<str> + Send + Sync>,
    /// The version that was read last. All responses share it.
    last: Arc<Mutex<Option<Version>>>,
}

/// A version of a document.
#[derive(Clone)]
struct Version {
    text: Arc<str>,
    body: Bytes,
    tag: HeaderValue,
}

impl Version {
    fn new(text: Arc<str>) -> Self {
        let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes()));
        Self {
            body: Bytes::copy_from_slice(text.as_bytes()),
            // Base64 consists of visible ASCII.
            tag: HeaderValue::try_from(format!("\"{digest}\""))
                .unwrap_or(HeaderValue::from_static("\"\"")),
            text,
        }
    }
}

impl Document {
    /// Creates a document of this media type.
    #[must_use]
    pub fn new(content_type: &'static str, json: String) -> Self {
        let json: Arc<str> = json.into();
        Self::read_with(content_type, move || Arc::clone(&json))
    }

    /// Creates a JSON document of these members.
    pub(crate) fn json(members: &impl Serialize) -> Self {
        // Serializing a struct of strings cannot fail.
        let json = serde_json::to_string(members).unwrap_or_default();
        Self::new("application/json", json)
    }

    /// Creates a document of this media type that may change. It calls `read` at each request, and the `ETag` changes with
    /// the text. If `read` returns the same `Arc` again, the response shares the text with the previous ones.
    #[must_use]
    pub fn read_with(
        content_type: &'static str,
        read: impl Fn() -> Arc<str> + Send + Sync + 'static,
    ) -> Self {
        Self {
            content_type: HeaderValue::from_static(content_type),
            read: Arc::new(read),
            last: Arc::default(),
        }
    }

    fn version(&self) -> Version {
        let text = (self.read)();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(version) if Arc::ptr_eq(&version.text, &text) => version.clone(),
            _ => last.insert(Version::new(text)).clone(),
        }
    }

    pub(crate) fn respond(&self, method: &Method, headers: &HeaderMap) -> Response<ResponseBody> {
        let mut response = Response::new(Full::default());
        if method != Method::GET && method != Method::HEAD {
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            let allowed = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(ALLOW, allowed);
            return response;
        }
        let Version { body, tag, .. } = self.version();
        let is_known = is_known(headers, tag.as_bytes());
        let headers = response.headers_mut();
        headers.insert(ETAG, tag);
        let freshness = HeaderValue::from_static("public, max-age=300");
        headers.insert(CACHE_CONTROL, freshness);
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        headers.insert(CONTENT_TYPE, self.content_type.clone());
        if method == Method::GET {
            *response.body_mut() = Full::new(body);
        }
        response
    }
}

/// Evaluates `If-None-Match` with weak comparison (RFC 9110 §13.1.2).
fn is_known(headers: &HeaderMap, present: &[u8]) -> bool {
    headers.get_all(IF_NONE_MATCH).iter().any(|value| {
        value.as_bytes().split(|&byte| byte == b',').any(|tag| {
            let tag = tag.trim_ascii();
            let tag = tag.strip_prefix(b"W/").unwrap_or(tag);
            tag == b"*" || tag == present
        })
    })
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("content_type", &self.content_type)
            .finish_non_exhaustive()
    }
}

impl<B> Service<Request<B>> for Document {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(self.respond(request.method(), request.headers())))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    fn body(document: &Document) -> Bytes {
        let response = document.respond(&Method::GET, &HeaderMap::new());
        let body = tokio_test::block_on(response.into_body().collect());
        body.unwrap().to_bytes()
    }

    #[test]
    fn responses_share_one_copy_of_the_text_until_it_changes() {
        let text = Arc::new(Mutex::new(Arc::<str>::from("{}")));
        let read = Arc::clone(&text);
        let document = Document::read_with("application/json", move || {
            Arc::clone(&read.lock().unwrap())
        });
        let first = body(&document);
        assert_eq!(body(&document.clone()).as_ptr(), first.as_ptr());
        *text.lock().unwrap() = "[]".into();
        assert_eq!(body(&document), "[]");
    }
}
