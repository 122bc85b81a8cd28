//! `/admin/v1` of the server binary.

mod accounts;
mod audit;
mod bodies;
mod body_limits;
mod imports;
mod keys;
mod managed_tokens;
mod requests;
mod rotation;
mod sandboxes;
mod signing_keys;
mod tenants;
mod tokens;
mod unavailable;
mod users;

use serde_json::{Value, json};

use crate::harness::{Home, Response, Server, api_key};

/// A server and a key of the default account with all scopes.
struct Fixture {
    home: Home,
    server: Server,
    operator: String,
}

impl Fixture {
    fn open() -> Self {
        Self::with(&[], Home::new())
    }

    fn with(arguments: &[&str], home: Home) -> Self {
        let operator = home.create_key("*").key;
        let server = Server::start(&home, arguments);
        Self {
            home,
            server,
            operator,
        }
    }

    /// Sends a request with this key.
    #[track_caller]
    fn send(&self, key: &str, method: &str, path: &str, body: &Value) -> Response {
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let path = format!("/admin/v1{path}");
        self.server.send(method, &path, &[api_key(key)], &body)
    }

    /// Sends a request as the operator, whose response must have this status.
    #[track_caller]
    fn expect_status(&self, status: u16, method: &str, path: &str, body: &Value) -> Response {
        let response = self.send(&self.operator, method, path, body);
        assert_eq!(response.status, status, "{method} {path}: {response:?}");
        response
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        self.expect_status(200, "GET", path, &Value::Null).json()
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        self.expect_status(200, "POST", path, body).json()
    }

    #[track_caller]
    fn create(&self, path: &str, body: &Value) -> Value {
        self.expect_status(201, "POST", path, body).json()
    }

    /// Creates a key with these scopes.
    #[track_caller]
    fn key(&self, scopes: &[&str]) -> Value {
        self.create("/keys", &json!({ "name": "test", "scopes": scopes }))
    }

    /// Creates an account and a key in it with these scopes.
    #[track_caller]
    fn tenant(&self, name: &str, scopes: &[&str]) -> Tenant {
        let account = text(&self.create("/accounts", &json!({ "name": name })), "id");
        let key = json!({ "name": "admin", "scopes": scopes, "account_id": account });
        let key = self.create("/keys", &key);
        Tenant {
            account,
            id: text(&key, "id"),
            key: text(&key, "key"),
        }
    }

    /// Returns the status of `/whoami` for a key.
    #[track_caller]
    fn whoami(&self, key: &str) -> u16 {
        self.server.status_for(&[api_key(key)])
    }
}

struct Tenant {
    account: String,
    id: String,
    key: String,
}

#[track_caller]
fn text(object: &Value, name: &str) -> String {
    let text = object[name].as_str();
    text.unwrap_or_else(|| panic!("no {name}: {object}"))
        .to_owned()
}

/// Checks that the response is a problem (RFC 9457) with this status and code.
#[track_caller]
fn assert_problem(response: &Response, status: u16, code: &str) {
    assert_eq!(response.status, status, "{response:?}");
    let content_type = response.header("content-type");
    assert_eq!(
        content_type,
        Some("application/problem+json"),
        "{response:?}"
    );
    assert_eq!(
        response.header("cache-control"),
        Some("no-store"),
        "{response:?}"
    );
    let problem = response.json();
    assert_eq!(problem["status"], status, "{response:?}");
    assert_eq!(problem["code"], code, "{response:?}");
    for member in ["title", "detail"] {
        assert!(!text(&problem, member).is_empty(), "{response:?}");
    }
}

/// Checks that two responses are equal in all but the date and the request's id.
#[track_caller]
pub(crate) fn assert_same(one: &Response, other: &Response) {
    let comparable = |response: &Response| {
        let lines = response.head.lines().filter(|line| {
            let line = line.to_ascii_lowercase();
            !line.starts_with("date:") && !line.starts_with("x-request-id:")
        });
        (
            lines.map(str::to_owned).collect::<Vec<_>>(),
            response.body.clone(),
        )
    };
    assert_eq!(comparable(one), comparable(other));
}
