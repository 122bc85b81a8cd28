//! Requests and responses of HTTP/1.1 and HTTP/2.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;

use crate::Outcome;
use crate::server::text;

/// The host that all requests name.
const HOST: &str = "localhost";

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Request {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: String::new(),
        }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub(crate) fn post(path: &str) -> Self {
        Self::new("POST", path)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn basic(self, name: &str, secret: &str) -> Self {
        let pair = STANDARD.encode(format!("{name}:{secret}"));
        self.header("authorization", &format!("Basic {pair}"))
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn form(self, form: &str) -> Self {
        self.body("application/x-www-form-urlencoded", form)
    }

    pub(crate) fn json(self, value: &Value) -> Self {
        self.body("application/json", &value.to_string())
    }

    /// Sets the body and its content type.
    pub(crate) fn body(mut self, content_type: &str, body: &str) -> Self {
        self.body = body.to_owned();
        self.header("content-type", content_type)
    }

    /// Returns the request as HTTP/1.1 sends it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\nhost: {HOST}\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += &format!("content-length: {}\r\n\r\n{}", self.body.len(), self.body);
        text.into_bytes()
    }

    /// Returns the request's head as HTTP/2 sends it, and its body.
    pub(crate) fn head_and_body(&self) -> Result<(http::Request<()>, Bytes), http::Error> {
        let mut head = http::Request::builder()
            .method(&*self.method)
            .uri(format!("http://{HOST}{}", self.path))
            .header("content-length", self.body.len());
        for (name, value) in &self.headers {
            head = head.header(name, value);
        }
        Ok((head.body(())?, self.body.clone().into()))
    }
}

/// A response.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn json(&self) -> Outcome<Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// Returns a member of the body that is a string, if the response is a success.
    pub(crate) fn text(&self, name: &str) -> Outcome<String> {
        if !(200..300).contains(&self.status) {
            return Err(self.description().into());
        }
        text(&self.json()?, name)
    }

    /// Describes the response in an error.
    pub(crate) fn description(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        format!("status {}: {body}", self.status)
    }
}
