//! A server, its administrators, and a browser that signed in.

use serde_json::{Value, json};

use crate::harness::{Header, Home, IssuedKey, Response, Server, api_key};

pub(crate) struct Fixture {
    pub(crate) home: Home,
    pub(crate) server: Server,
    pub(crate) admin: IssuedKey,
}

impl Fixture {
    pub(crate) fn open() -> Self {
        Self::with("")
    }

    /// Starts a server with this configuration.
    pub(crate) fn with(configuration: &str) -> Self {
        let home = Home::new();
        let config = home.configure(configuration);
        let admin = home.create_key("*");
        let server = Server::start(&home, &["--config", &config]);
        Self {
            home,
            server,
            admin,
        }
    }

    /// Returns the header that a page of the dashboard sends.
    pub(crate) fn origin(&self) -> Header {
        ("origin", self.server.url())
    }

    /// Sends the credentials of the page for signing in.
    #[track_caller]
    pub(crate) fn sign_in(&self, headers: &[Header]) -> Response {
        let headers = [headers, &[self.origin()]].concat();
        self.server
            .send("POST", "/dashboard/api/sign-in", &headers, "")
    }

    /// Signs in with a key, and returns the cookie.
    #[track_caller]
    pub(crate) fn session(&self, key: &str) -> Header {
        let response = self.sign_in(&[api_key(key)]);
        assert_eq!(response.status, 200, "{response:?}");
        cookie(&response)
    }

    /// Sends a request of a page of the dashboard.
    #[track_caller]
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[Header],
        body: &Value,
    ) -> Response {
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let headers = [headers, &[self.origin()]].concat();
        let path = format!("/dashboard/api{path}");
        self.server.send(method, &path, &headers, &body)
    }

    /// Returns the status of a request with a cookie.
    #[track_caller]
    pub(crate) fn status(&self, cookie: &Header) -> u16 {
        self.send(
            "GET",
            "/session",
            std::slice::from_ref(cookie),
            &Value::Null,
        )
        .status
    }

    /// Creates a key through the command line's other interface, for which no session is needed.
    #[track_caller]
    pub(crate) fn create_key(&self, scopes: &[&str]) -> Value {
        let body = json!({ "name": "other", "scopes": scopes }).to_string();
        let response =
            self.server
                .send("POST", "/admin/v1/keys", &[api_key(&self.admin.key)], &body);
        assert_eq!(response.status, 201, "{response:?}");
        response.json()
    }
}

/// Returns the cookie that a response sets, as a browser sends it.
#[track_caller]
pub(crate) fn cookie(response: &Response) -> Header {
    let set = response.header("set-cookie").expect("a cookie");
    let pair = set.split(';').next().unwrap();
    ("cookie", pair.to_owned())
}

#[track_caller]
pub(crate) fn assert_problem(response: &Response, status: u16, code: &str) {
    assert_eq!(response.status, status, "{response:?}");
    assert_eq!(response.json()["code"], code, "{response:?}");
    assert_eq!(
        response.header("cache-control"),
        Some("no-store"),
        "{response:?}"
    );
}
