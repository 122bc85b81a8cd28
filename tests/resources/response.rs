//! Responses of the resources.

use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes};
use serde_json::Value;

/// A response that was read to its end.
#[derive(Debug)]
pub struct TestResponse {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl TestResponse {
    pub async fn read<B>(response: Response<B>) -> Self
    where
        B: Body<Data = Bytes>,
        B::Error: std::fmt::Debug,
    {
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        assert_eq!(head.headers["cache-control"], "no-store");
        assert!(head.headers.contains_key("x-request-id"));
        Self {
            status: head.status,
            headers: head.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Returns the status and the body.
    pub fn status_and_body(&self) -> (u16, &str) {
        (self.status.as_u16(), &self.body)
    }

    /// Returns the status and the member `code`, or `error` if there is no `code`.
    pub fn code(&self) -> (u16, String) {
        let body = self.json();
        let code = body.get("code").or_else(|| body.get("error"));
        let code = code.and_then(Value::as_str).unwrap_or_default();
        (self.status.as_u16(), code.to_owned())
    }

    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn challenges(&self) -> Vec<&str> {
        let all = self.headers.get_all("www-authenticate").iter();
        all.map(|value| value.to_str().unwrap()).collect()
    }
}
