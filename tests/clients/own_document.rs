//! Schemathesis, a property-based OpenAPI client, against every endpoint of the server's own document.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{Home, IssuedKey, Server, api_key};
use crate::schemathesis::{LIMITS, Run, Seen};

/// Operations that reject some requests which are valid by the document, with their status, because JSON Schema cannot
/// express the rule.
const REJECTED_THOUGH_VALID: [(&str, &[&str]); 3] = [
    (
        "400",
        &[
            // Times must be in the future, networks without host bits, and issuers must exist.
            "keys_create",
            "users_create",
            // A credential of another system has either a digest or the hash of a password.
            "keys_import",
            // A rotation as compromised has no grace period.
            "keys_rotate",
            // The text must be a token.
            "tokens_revoke",
        ],
    ),
    (
        "400",
        &[
            // Credentials are allowed in the form or in a header, not in both. The client must hold the scopes, and the
            // resource must exist.
            "oauth_token",
            "oauth_introspection",
            "oauth_revocation",
        ],
    ),
    (
        "422",
        // Times must be in the future, environments must exist, and the creator must hold the scopes.
        &["managed_create"],
    ),
];

/// Operations that would revoke or change the key of the client, once it has found the id in a list. They are called with
/// other ids only.
const CHANGES_THE_CALLER: [&str; 5] = [
    "keys_suspend",
    "keys_revoke",
    "keys_rotate",
    "keys_scopes",
    "accounts_revoke",
];

#[test]
fn every_endpoint_conforms_to_the_document_for_an_administrator_and_succeeds_once() {
    let fixture = Fixture::open();
    let document = fixture.document(|_| {});
    let mut excluded = Vec::new();
    for id in CHANGES_THE_CALLER {
        excluded.extend(["--exclude-operation-id", id]);
    }
    let mut seen = fixture.assert_conforms(&document, &fixture.authenticated(), excluded, 10);

    let resources = Resources::create(&fixture);
    let document = fixture.document(|document| resources.examples(document));
    let mut configuration = fixture.authenticated();
    let mut included = Vec::new();
    for (id, parameters) in resources.parameters() {
        included.extend(["--include-operation-id", id]);
        configuration += &format!("[[operations]]\ninclude-operation-id = \"{id}\"\n");
        for (name, value) in parameters {
            configuration += &format!("parameters.{name:?} = {value:?}\n");
        }
    }
    for id in [
        "session_token",
        "key_secret_token",
        "tokens_revoke",
        "keys_import",
    ] {
        included.extend(["--include-operation-id", id]);
    }
    included.extend(["--phases", "examples,fuzzing"]);
    for (operation, statuses) in fixture.assert_conforms(&document, &configuration, included, 10) {
        seen.entry(operation).or_default().extend(statuses);
    }
    fixture.assert_every_operation_succeeded(&seen);
    // If the key had been revoked, all responses would be rejections.
    assert_eq!(fixture.server.status_for(&[api_key(&fixture.key.key)]), 200);
}

#[test]
fn every_endpoint_conforms_to_the_document_without_credentials() {
    let fixture = Fixture::open();
    let document = fixture.document(|_| {});
    // The client invents credentials, also two at a time, so that otherwise valid requests are rejected.
    let excluded = ["--exclude-checks", "positive_data_acceptance"];
    let arguments = [&excluded[..], &["--phases", "fuzzing"]].concat();
    fixture.assert_conforms(&document, "", arguments, 5);
}

#[test]
fn every_endpoint_conforms_to_the_document_for_a_bearer_and_none_mints_another_token() {
    let fixture = Fixture::open();
    let document = fixture.document(|_| {});
    let token = fixture.server.token(&[api_key(&fixture.key.key)]);
    let header = format!("Authorization: Bearer {token}");
    let arguments = vec!["--header", &header, "--phases", "fuzzing"];
    let no_others = "[generation]\nwith-security-parameters = false\n";
    let configuration = no_others.to_owned() + &rejected_though_valid();
    let seen = fixture.assert_conforms(&document, &configuration, arguments, 5);
    for operation in [
        "POST /auth/token",
        "POST /v1/auth/token",
        "POST /oauth/token",
        "POST /api/v1/api_token",
        "POST /admin/v1/keys",
    ] {
        let statuses: Vec<_> = seen[operation].iter().copied().collect();
        assert_eq!(statuses, [403], "{operation}");
    }
    assert!(seen["GET /whoami"].contains(&200));
}

/// A running server and a key with all scopes.
struct Fixture {
    home: Home,
    server: Server,
    key: IssuedKey,
}

impl Fixture {
    fn open() -> Self {
        let home = Home::new();
        let configuration = home.configure(LIMITS);
        let server = Server::start(&home, &["--config", &configuration]);
        let key = server.create_key(&home, "*");
        Self { home, server, key }
    }

    /// Writes the document to a file after `change`; returns its path.
    fn document(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut document = self.server.get("/openapi.json", &[]).json();
        change(&mut document);
        let path = self.home.path().join("openapi.json");
        fs::write(&path, document.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn authenticated(&self) -> String {
        let key = &self.key.key;
        let authentication = format!("[auth.openapi.api_key]\napi_key = \"{key}\"\n");
        authentication + &rejected_though_valid()
    }

    #[track_caller]
    fn assert_conforms(
        &self,
        document: &str,
        configuration: &str,
        arguments: Vec<&str>,
        examples: u32,
    ) -> Seen {
        let run = Run {
            document,
            configuration,
            arguments,
            examples,
        };
        run.assert_conforms(&self.home, &self.server)
    }

    #[track_caller]
    fn assert_every_operation_succeeded(&self, seen: &Seen) {
        let document = self.server.get("/openapi.json", &[]).json();
        let paths = document["paths"].as_object().unwrap();
        for (path, item) in paths {
            for method in item.as_object().unwrap().keys() {
                let operation = format!("{} {path}", method.to_uppercase());
                let statuses = seen.get(&operation);
                let succeeded =
                    statuses.is_some_and(|seen| seen.iter().any(|status| *status < 300));
                assert!(succeeded, "{operation}: {statuses:?}");
            }
        }
    }

    /// Sends a request that must succeed; returns the body.
    #[track_caller]
    fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let credentials = [api_key(&self.key.key)];
        let response = self
            .server
            .send(method, path, &credentials, &body.to_string());
        assert!(response.status < 300, "{method} {path}: {response:?}");
        serde_json::from_str(&response.body).unwrap_or_default()
    }

    #[track_caller]
    fn id(&self, path: &str, body: &Value) -> String {
        let created = self.send("POST", path, body);
        let created = created.get("details").unwrap_or(&created);
        created["id"].as_str().unwrap().to_owned()
    }
}

fn rejected_though_valid() -> String {
    let mut configuration = String::new();
    for (status, ids) in REJECTED_THOUGH_VALID {
        configuration += &format!(
            "[[operations]]\ninclude-operation-id = {ids:?}\n\
             checks.positive_data_acceptance.expected-statuses = \
             [\"2xx\", \"401\", \"403\", \"404\", \"409\", {status:?}]\n"
        );
    }
    configuration
}

/// An operation and the parameters that it is called with.
type Called<'a> = (&'static str, Vec<(&'static str, &'a str)>);

/// Existing resources for the operations: each operation that changes its resource has its own.
struct Resources {
    account: String,
    key: String,
    revoked_key: String,
    key_to_revoke: String,
    key_of_sessions: IssuedKey,
    session: String,
    own_session: String,
    user: String,
    revoked_user: String,
    user_to_revoke: String,
    user_of_sessions: String,
    users_session: String,
    token: String,
    revoked_token: String,
    token_to_revoke: String,
    /// One to revoke, and one that is revoked.
    tokens_of_administrator: [String; 2],
    signing_key: String,
    bearer: String,
}

impl Resources {
    #[track_caller]
    fn create(fixture: &Fixture) -> Self {
        let empty = json!({});
        let name = |name: &str| json!({"name": name, "scopes": []});
        let key = |text: &str| fixture.id("/admin/v1/keys", &name(text));
        let user = |name: &str| {
            let user = json!({"name": name, "password": "correct horse", "scopes": []});
            fixture.id("/admin/v1/users", &user)
        };
        let managed = || fixture.id("/api/v1/api_token", &json!({"token_scope": "account"}));
        let log_in = |body: &Value| fixture.send("POST", "/auth/login", body);
        let session_of = |path: &str| {
            let sessions = fixture.send("GET", path, &empty);
            sessions["sessions"][0]["id"].as_str().unwrap().to_owned()
        };

        let account = fixture.id("/admin/v1/accounts", &json!({"name": "to be revoked"}));
        let revoked_key = key("revoked");
        fixture.send(
            "POST",
            &format!("/admin/v1/keys/{revoked_key}/revoke"),
            &empty,
        );
        let revoked_user = user("revoked");
        fixture.send(
            "POST",
            &format!("/admin/v1/users/{revoked_user}/revoke"),
            &empty,
        );
        let revoked_token = managed();
        fixture.send(
            "POST",
            &format!("/api/v1/api_token/{revoked_token}/revoke"),
            &empty,
        );

        let deleted_token = managed();
        fixture.send(
            "POST",
            &format!("/admin/v1/managed-tokens/{deleted_token}/revoke"),
            &empty,
        );

        let key_of_sessions = fixture.server.create_key(&fixture.home, "calls:read");
        log_in(&json!({"api_key": key_of_sessions.key}));
        let session = session_of(&format!("/admin/v1/keys/{}/sessions", key_of_sessions.id));
        let user_of_sessions = user("sessions");
        log_in(&json!({"username": "sessions", "password": "correct horse"}));
        let users_session = session_of(&format!("/admin/v1/users/{user_of_sessions}/sessions"));
        log_in(&json!({"api_key": fixture.key.key}));
        let own_session = session_of("/auth/sessions");
        log_in(&json!({"api_key": fixture.key.key, "session_id": "named"}));

        let bearer = fixture.server.token(&[api_key(&fixture.key.key)]);
        let keys = fixture.send("GET", "/admin/v1/signing-keys", &empty);
        let kid = keys["signing_keys"][0]["kid"].as_str().unwrap().to_owned();
        Self {
            account,
            key: key("key"),
            revoked_key,
            key_to_revoke: key("to be revoked"),
            key_of_sessions,
            session,
            own_session,
            user: user("user"),
            revoked_user,
            user_to_revoke: user("to.be.revoked"),
            user_of_sessions,
            users_session,
            token: managed(),
            revoked_token,
            token_to_revoke: managed(),
            tokens_of_administrator: [managed(), deleted_token],
            signing_key: kid,
            bearer,
        }
    }

    /// Returns the operations with the parameters that they are called with.
    fn parameters(&self) -> Vec<Called<'_>> {
        fn one<'a>(operation: &'static str, id: &'a str) -> Called<'a> {
            (operation, vec![("path.id", id)])
        }
        let key = &*self.key;
        let user = &*self.user;
        let token = &*self.token;
        vec![
            one("accounts_show", &self.account),
            one("accounts_revoke", &self.account),
            one("keys_show", key),
            one("keys_suspend", key),
            one("keys_activate", key),
            one("keys_scopes", key),
            one("keys_rotate", key),
            one("keys_revoke", &self.key_to_revoke),
            one("keys_delete", &self.revoked_key),
            one("keys_sessions", &self.key_of_sessions.id),
            (
                "keys_end_session",
                vec![
                    ("path.id", &self.key_of_sessions.id),
                    ("path.session", &self.session),
                ],
            ),
            one("users_show", user),
            one("users_suspend", user),
            one("users_activate", user),
            one("users_scopes", user),
            one("users_password", user),
            one("users_revoke", &self.user_to_revoke),
            one("users_delete", &self.revoked_user),
            one("users_sessions", &self.user_of_sessions),
            (
                "users_end_session",
                vec![
                    ("path.id", &self.user_of_sessions),
                    ("path.session", &self.users_session),
                ],
            ),
            one("managed_tokens_show", token),
            one("managed_tokens_suspend", token),
            one("managed_tokens_activate", token),
            one("managed_tokens_revoke", &self.tokens_of_administrator[0]),
            one("managed_tokens_delete", &self.tokens_of_administrator[1]),
            ("signing_keys_revoke", vec![("path.kid", &self.signing_key)]),
            one("managed_show", token),
            one("managed_suspend", token),
            one("managed_activate", token),
            one("managed_revoke", &self.token_to_revoke),
            one("managed_delete", &self.revoked_token),
            one("session_end", &self.own_session),
            ("session_end_named", vec![("query.session_id", "named")]),
        ]
    }

    /// Adds example bodies with secrets, which the client cannot invent.
    fn examples(&self, document: &mut Value) {
        let IssuedKey { id, key, secret } = &self.key_of_sessions;
        for (path, example) in [
            ("/auth/login", json!({"api_key": key})),
            ("/generate-token", json!({"keyId": id, "secret": secret})),
            (
                "/admin/v1/keys/import",
                json!({"name": "imported", "scopes": [], "sha256": "5".repeat(64)}),
            ),
            ("/admin/v1/tokens/revoke", json!({"token": self.bearer})),
        ] {
            let content = &mut document["paths"][path]["post"]["requestBody"]["content"];
            content["application/json"]["example"] = example;
        }
    }
}
