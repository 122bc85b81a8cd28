//! The server binary, changed over HTTP or by the command line, and queried over HTTP.

use std::time::Duration;

use countersign::time::{Clock as _, SystemClock};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::database;
use crate::harness::{Home, Response, Server, api_key, bearer, wait_for};
use crate::model::{Change, Model, Outcome, Rotation, SCOPES};
use crate::random_walk::{Issued, Subject};

const PATIENCE: Duration = Duration::from_secs(10);

/// How changes are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interface {
    Http,
    CommandLine,
}

pub(crate) struct Remote {
    interface: Interface,
    home: Home,
    server: Option<Server>,
    admin: String,
    accounts: usize,
}

impl Remote {
    pub(crate) fn new(interface: Interface) -> Self {
        let home = match database::is_postgres() {
            true => Home::on_postgres(),
            false => Home::new(),
        };
        let home = home.with("COUNTERSIGN_SERVER__PUBLIC_URL", "https://auth.example");
        let admin = home.create_key("*").key;
        let server = Some(Server::start(&home, &[]));
        Self {
            interface,
            home,
            server,
            admin,
            accounts: 0,
        }
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    fn admin(&self, method: &str, path: &str, body: &Value) -> Response {
        let headers = [api_key(&self.admin)];
        let path = format!("/admin/v1/{path}");
        self.server()
            .send(method, &path, &headers, &body.to_string())
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value, Outcome> {
        let response = self.admin(method, path, body);
        match response.status {
            200 | 201 => Ok(response.json()),
            204 => Ok(Value::Null),
            404 => Err(Outcome::NotFound),
            409 => Err(Outcome::Conflict),
            _ => panic!("{method} {path}: {response:?}"),
        }
    }

    fn command(&self, arguments: &[&str]) -> Result<Value, Outcome> {
        let all = [arguments, &["--json"]].concat();
        let output = self.home.command(&all).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            Some(0) if output.stdout.is_empty() => Ok(Value::Null),
            Some(0) => Ok(serde_json::from_slice(&output.stdout).unwrap()),
            Some(1) if errors.contains("there is no") => Err(Outcome::NotFound),
            Some(1) => Err(Outcome::Conflict),
            _ => panic!("{arguments:?}: {errors}"),
        }
    }

    fn accepts(&self, header: (&'static str, String)) -> bool {
        match self.server().get("/whoami", &[header]).status {
            200 => true,
            401 => false,
            other => panic!("/whoami answered {other}"),
        }
    }
}

fn now() -> i64 {
    SystemClock.now().unix_seconds()
}

fn outcome(result: Result<Value, Outcome>) -> Outcome {
    result.map_or_else(|outcome| outcome, |_| Outcome::Done)
}

fn issued(created: &Value) -> Issued {
    let text = |name: &str| created[name].as_str().unwrap().to_owned();
    (text("id"), text("key"))
}

impl Subject for Remote {
    fn create_account(&mut self) -> String {
        self.accounts += 1;
        let name = format!("account {}", self.accounts);
        let created = match self.interface {
            Interface::Http => self.call("POST", "accounts", &json!({ "name": name })),
            Interface::CommandLine => self.command(&["account", "create", &name]),
        };
        created.unwrap()["id"].as_str().unwrap().to_owned()
    }

    fn revoke_account(&mut self, id: &str) -> Outcome {
        outcome(match self.interface {
            Interface::Http => self.call("POST", &format!("accounts/{id}/revoke"), &json!({})),
            Interface::CommandLine => self.command(&["account", "revoke", id]),
        })
    }

    fn create_key(
        &mut self,
        account: &str,
        scopes: &str,
        expires_in: Option<u64>,
    ) -> Result<Issued, Outcome> {
        let created = match self.interface {
            Interface::Http => {
                let scopes: Vec<&str> = scopes.split(' ').collect();
                let mut new = json!({ "name": "k", "scopes": scopes, "account_id": account });
                if let Some(seconds) = expires_in {
                    let end = OffsetDateTime::from_unix_timestamp(
                        now() + i64::try_from(seconds).unwrap(),
                    )
                    .unwrap();
                    new["expires_at"] = end.format(&Rfc3339).unwrap().into();
                }
                self.call("POST", "keys", &new)
            }
            Interface::CommandLine => {
                let mut new = vec!["key", "create", "--name", "k", "--scopes", scopes];
                new.extend(["--account", account]);
                let seconds = expires_in.map(|seconds| format!("{seconds}s"));
                if let Some(seconds) = &seconds {
                    new.extend(["--expires-in", seconds]);
                }
                self.command(&new)
            }
        };
        created.map(|created| issued(&created))
    }

    fn change(&mut self, id: &str, change: Change) -> Outcome {
        let verb = match change {
            Change::Suspend => "suspend",
            Change::Activate => "activate",
            Change::Revoke => "revoke",
            Change::Delete => "delete",
            Change::Scopes(_) => "scopes",
        };
        outcome(match (self.interface, change) {
            (Interface::Http, Change::Delete) => {
                self.call("DELETE", &format!("keys/{id}"), &json!({}))
            }
            (Interface::Http, Change::Scopes(index)) => {
                let scopes: Vec<&str> = SCOPES[index].0.split(' ').collect();
                let body = json!({ "scopes": scopes });
                self.call("PUT", &format!("keys/{id}/scopes"), &body)
            }
            (Interface::Http, _) => self.call("POST", &format!("keys/{id}/{verb}"), &json!({})),
            (Interface::CommandLine, Change::Scopes(index)) => {
                self.command(&["key", verb, id, SCOPES[index].0])
            }
            (Interface::CommandLine, _) => self.command(&["key", verb, id]),
        })
    }

    fn rotate(&mut self, id: &str, rotation: Rotation) -> Result<Issued, Outcome> {
        let created = match (self.interface, rotation) {
            (Interface::Http, rotation) => {
                let body = match rotation {
                    Rotation::Grace(seconds) => json!({ "grace_seconds": seconds }),
                    Rotation::Compromised => json!({ "compromised": true }),
                };
                self.call("POST", &format!("keys/{id}/rotate"), &body)
            }
            (Interface::CommandLine, Rotation::Grace(seconds)) => {
                self.command(&["key", "rotate", id, "--grace", &format!("{seconds}s")])
            }
            (Interface::CommandLine, Rotation::Compromised) => {
                self.command(&["key", "rotate", id, "--compromised"])
            }
        };
        created.map(|created| issued(&created))
    }

    fn mint(&mut self, key: &str) -> Option<String> {
        let response = self.server().mint(&[api_key(key)]);
        let minted = || response.json()["access_token"].as_str().unwrap().to_owned();
        match response.status {
            200 => Some(minted()),
            401 => None,
            _ => panic!("{response:?}"),
        }
    }

    fn deny(&mut self, token: &str) -> Outcome {
        outcome(match self.interface {
            Interface::Http => self.call("POST", "tokens/revoke", &json!({ "token": token })),
            Interface::CommandLine => self.command(&["token", "revoke", token]),
        })
    }

    fn accepts_key(&mut self, key: &str) -> bool {
        self.accepts(api_key(key))
    }

    fn accepts_token(&mut self, token: &str) -> bool {
        self.accepts(bearer(token))
    }

    /// The server uses the system clock.
    fn advance(&mut self, _seconds: u64) -> bool {
        false
    }

    fn restart(&mut self) {
        self.server.take().unwrap().stop();
        self.server = Some(Server::start(&self.home, &[]));
    }

    /// A running server sees changes by commands after a short delay.
    fn settle(&mut self, model: &Model) {
        if self.interface == Interface::CommandLine {
            wait_for("the change in the server", PATIENCE, || {
                let keys = model
                    .secrets()
                    .all(|(key, valid)| self.accepts(api_key(key)) == valid);
                let mut tokens = model.tokens();
                let tokens =
                    keys && tokens.all(|(token, valid)| self.accepts(bearer(token)) == valid);
                tokens.then_some(())
            });
        }
    }
}
