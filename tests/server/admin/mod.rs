//! `/admin/v1` of the real server.

mod accounts;
mod audit;
mod bodies;
mod body_limits;
mod keys;
mod requests;
mod rotation;
mod signing_keys;
mod tenants;
mod tokens;
mod unavailable;
mod users;

use serde_json::{Value, json};

use crate::harness::{Home, Response, Server, api_key};

/// A server, and a key of the default account that may do everything.
struct Site {
    home: Home,
    server: Server,
    operator: String,
}

impl Site {
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

    /// What somebody with this key is answered.
    #[track_caller]
    fn ask(&self, key: &str, method: &str, path: &str, body: &Value) -> Response {
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let path = format!("/admin/v1{path}");
        self.server.send(method, &path, &[api_key(key)], &body)
    }

    /// What the operator is answered, which must have this status.
    #[track_caller]
    fn must(&self, status: u16, method: &str, path: &str, body: &Value) -> Response {
        let response = self.ask(&self.operator, method, path, body);
        assert_eq!(response.status, status, "{method} {path}: {response:?}");
        response
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        self.must(200, "GET", path, &Value::Null).json()
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        self.must(200, "POST", path, body).json()
    }

    #[track_caller]
    fn make(&self, path: &str, body: &Value) -> Value {
        self.must(201, "POST", path, body).json()
    }

    /// A key that may do this.
    #[track_caller]
    fn key(&self, scopes: &[&str]) -> Value {
        self.make("/keys", &json!({ "name": "test", "scopes": scopes }))
    }

    /// An account, and a key of it that may do this.
    #[track_caller]
    fn tenant(&self, name: &str, scopes: &[&str]) -> Tenant {
        let account = text(&self.make("/accounts", &json!({ "name": name })), "id");
        let key = json!({ "name": "admin", "scopes": scopes, "account_id": account });
        let key = self.make("/keys", &key);
        Tenant {
            account,
            id: text(&key, "id"),
            key: text(&key, "key"),
        }
    }

    /// The status of `/whoami` for a key.
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

/// That it was refused so, as a problem.
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

/// Whether two answers tell apart what they are about: all but the date and the request's id.
#[track_caller]
pub(crate) fn assert_same(one: &Response, other: &Response) {
    let told = |response: &Response| {
        let lines = response.head.lines().filter(|line| {
            let line = line.to_ascii_lowercase();
            !line.starts_with("date:") && !line.starts_with("x-request-id:")
        });
        (
            lines.map(str::to_owned).collect::<Vec<_>>(),
            response.body.clone(),
        )
    };
    assert_eq!(told(one), told(other));
}
