//! Sessions: every server on the same database returns the same token while it is valid.

use std::fs;
use std::sync::Barrier;
use std::thread;

use serde_json::{Value, json};

use crate::harness::{Home, Response, Server, api_key, bearer};
use crate::lifecycle::{error_of, wait_for_status};

const CONFIG: &str = "[issuer.default]\nurl = \"https://auth.example\"\n";

#[track_caller]
fn log_in(server: &Server, key: &str, session: Option<&str>) -> Response {
    let mut body = json!({ "api_key": key });
    if let Some(session) = session {
        body["session_id"] = json!(session);
    }
    server.send("POST", "/auth/login", &[], &body.to_string())
}

#[track_caller]
fn token(server: &Server, key: &str, session: Option<&str>) -> String {
    let response = log_in(server, key, session);
    assert_eq!(response.status, 200, "{response:?}");
    response.json()["access_token"].as_str().unwrap().to_owned()
}

#[test]
fn two_servers_return_the_same_token_to_concurrent_requests_and_after_a_kill() {
    let home = Home::new();
    // ECDSA signatures are randomized, so that two signatures would differ.
    let config = home.configure(&format!("{CONFIG}algorithm = \"ES256\"\n"));
    let key = home.create_key("*").key;
    let servers = [(); 2].map(|()| Server::start(&home, &["--config", &config]));
    let mut first = String::new();
    for round in 0..8 {
        let name = format!("worker-{round}");
        let barrier = Barrier::new(4);
        let tokens: Vec<String> = thread::scope(|scope| {
            let send = |server| {
                let (barrier, key, name) = (&barrier, &key, &name);
                scope.spawn(move || {
                    barrier.wait();
                    token(server, key, Some(name))
                })
            };
            let requests: Vec<_> = servers.iter().chain(&servers).map(send).collect();
            requests
                .into_iter()
                .map(|one| one.join().unwrap())
                .collect()
        });
        assert!(tokens.iter().all(|token| *token == tokens[0]), "{name}");
        assert_ne!(tokens[0], first);
        first.clone_from(&tokens[0]);
    }
    for server in &servers {
        wait_for_status(server, 200, &[bearer(&first)]);
    }
    // Dropping sends SIGKILL.
    drop(servers);
    let server = Server::start(&home, &["--config", &config]);
    let again = token(&server, &key, Some("worker-7"));
    assert_eq!(again, first);
    assert_eq!(server.status_for(&[bearer(&again)]), 200);

    let (signed, signature) = first.rsplit_once('.').unwrap();
    let claims = signed.split('.').nth(1).unwrap();
    for file in fs::read_dir(home.path()).unwrap() {
        let path = file.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        for part in [signature, claims, &key] {
            let found = bytes
                .windows(part.len())
                .any(|window| window == part.as_bytes());
            assert!(!found, "{}", path.display());
        }
    }
}

#[test]
fn sessions_are_listed_and_ended_by_their_owner_by_commands_and_by_administrators() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "*");
    let presented = [api_key(&key.key)];
    let names = ["a", "-b", "c/d", "e"];
    let tokens = names.map(|name| token(&server, &key.key, Some(name)));
    let unnamed = token(&server, &key.key, None);

    let ids = |listed: &Value| -> Vec<String> {
        let sessions = listed["sessions"].as_array().unwrap().iter();
        sessions
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let by_owner = server.get("/auth/sessions", &presented).json();
    let by_command = home.json(&["session", "list", &key.id]);
    let path = format!("/admin/v1/keys/{}/sessions", key.id);
    let by_admin = server.get(&path, &presented).json();
    assert_eq!(ids(&by_owner).len(), 5, "{by_owner}");
    assert_eq!(ids(&by_owner), ids(&by_command));
    assert_eq!(by_command, by_admin);
    let all = home.json(&["session", "list"]);
    assert_eq!(server.get("/admin/v1/sessions", &presented).json(), all);
    let (mut of_all, mut of_owner) = (ids(&all), ids(&by_owner));
    of_all.sort_unstable();
    of_owner.sort_unstable();
    assert_eq!(of_all, of_owner);
    for session in all["sessions"].as_array().unwrap() {
        assert_eq!(session["credential_id"], key.id, "{session}");
        assert_eq!(session["credential_kind"], "key", "{session}");
    }
    let sid = server.get("/whoami", &[bearer(&unnamed)]).json()["session_id"].clone();
    assert!(ids(&by_owner).contains(&sid.as_str().unwrap().to_owned()));

    // By the owner, by a command and over HTTP; by name and by id.
    let id_of = |at: usize| ids(&by_owner)[at].clone();
    let end = |path: &str| server.send("DELETE", path, &presented, "").status;
    assert_eq!(end("/auth/sessions?session_id=a"), 204);
    home.run(&["session", "revoke", &key.id, names[1]]);
    assert_eq!(end(&format!("{path}/c%2Fd")), 204);
    assert_eq!(end(&format!("{path}/{}", id_of(3))), 204);
    home.run(&["session", "revoke", &key.id, sid.as_str().unwrap()]);
    for token in tokens.iter().chain([&unnamed]) {
        wait_for_status(&server, 401, &[bearer(token)]);
    }
    assert_eq!(ids(&home.json(&["session", "list", &key.id])).len(), 0);
    assert_ne!(token(&server, &key.key, Some("a")), tokens[0]);
    // Unknown sessions.
    assert_eq!(end("/auth/sessions?session_id=z"), 404);
    assert_eq!(end(&format!("{path}/{}", id_of(3))), 404);
    let error = error_of(&home, &["session", "revoke", &key.id, "z"]);
    assert!(error.contains("session list"), "{error}");
    let error = error_of(&home, &["session", "list", "unknown"]);
    assert!(error.contains("user list"), "{error}");
}

#[test]
fn sessions_of_a_user_are_found_by_name() {
    let home = Home::new();
    let created = home.json(&["user", "create", "ada", "--scopes", "*", "--generate"]);
    let server = Server::start(&home, &[]);
    let body = json!({ "username": "ada", "password": created["password"] }).to_string();
    let response = server.send("POST", "/auth/login", &[], &body);
    assert_eq!(response.status, 200, "{response:?}");
    let id = created["id"].as_str().unwrap();
    let by_name = home.json(&["session", "list", "ada"]);
    assert_eq!(
        by_name["sessions"].as_array().unwrap().len(),
        1,
        "{by_name}"
    );
    assert_eq!(by_name, home.json(&["session", "list", id]));
    let path = format!("/admin/v1/keys/{id}/sessions");
    let operator = [api_key(&server.create_key(&home, "*").key)];
    assert_eq!(server.get(&path, &operator).status, 404);
    assert_eq!(
        server.get(&path.replace("keys", "users"), &operator).json(),
        by_name
    );
}

#[test]
fn more_sessions_than_configured_are_429() {
    let home = Home::new();
    let config = home.configure("[issuer.default.wires.session]\nmax_sessions = 2\n");
    let server = Server::start(&home, &["--config", &config]);
    let key = server.create_key(&home, "*").key;
    for name in ["a", "b", "a"] {
        token(&server, &key, Some(name));
    }
    let rejected = log_in(&server, &key, Some("c"));
    assert_eq!(rejected.status, 429, "{rejected:?}");
    assert!(rejected.header("retry-after").is_some(), "{rejected:?}");
    assert_eq!(rejected.json()["error"], "rate_limited");
    let other = server.create_key(&home, "*").key;
    token(&server, &other, Some("c"));
}
