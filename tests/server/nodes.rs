//! Several servers on one database: receipts, `node list` and `--no-wait`.

use std::io::Read as _;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::harness::{Home, Server, api_key, bearer, wait_for};

/// The time within which a server that was stopped answers again.
const PATIENCE: Duration = Duration::from_secs(20);

fn receipt(response: &Value) -> [u64; 3] {
    let receipt = &response["receipt"];
    assert_eq!(receipt["complete"], true, "{response}");
    ["nodes", "applied", "lapsed"].map(|name| receipt[name].as_u64().unwrap())
}

#[test]
fn every_server_accepts_a_new_key_and_rejects_a_revoked_one_when_the_command_ends() {
    let home = Home::new();
    // Each accepts the tokens of the other: they have one issuer.
    let config = home.configure("[issuer.default]\nurl = \"https://auth.example\"\n");
    let servers = [0, 1].map(|_| Server::start(&home, &["--config", &config]));
    for _ in 0..10 {
        let created = home.json(&["key", "create", "--name", "ci", "--scopes", "*"]);
        assert_eq!(receipt(&created), [2, 2, 0]);
        let key = created["key"].as_str().unwrap();
        let statuses = || [0, 1].map(|at: usize| servers[at].status_for(&[api_key(key)]));
        assert_eq!(statuses(), [200, 200]);
        let token = servers[0].token(&[api_key(key)]);
        assert_eq!(servers[1].status_for(&[bearer(&token)]), 200);

        let revoked = home.json(&["key", "revoke", created["id"].as_str().unwrap()]);
        assert_eq!(receipt(&revoked), [2, 2, 0]);
        assert_eq!(statuses(), [401, 401]);
        for server in &servers {
            assert_eq!(server.status_for(&[bearer(&token)]), 401);
        }
    }
}

#[test]
fn administrator_waits_for_every_server_with_wait_all() {
    let home = Home::new();
    let operator = home.create_key("*").key;
    let [here, there] = [Server::start(&home, &[]), Server::start(&home, &[])];
    let send = |path: &str, body: &Value| {
        let path = format!("/admin/v1{path}");
        here.send("POST", &path, &[api_key(&operator)], &body.to_string())
    };
    for _ in 0..10 {
        let new = json!({ "name": "ci", "scopes": ["*"] });
        let created = send("/keys?wait=all", &new);
        assert_eq!(created.status, 201, "{created:?}");
        let receipt = created.header("countersign-receipt").unwrap();
        assert!(receipt.starts_with("complete, change="), "{receipt}");
        assert!(receipt.contains("nodes=2, applied=2, lapsed=0, slowest-ms="));
        let created = created.json();
        let key = created["key"].as_str().unwrap();
        assert_eq!(there.status_for(&[api_key(key)]), 200);
        let path = format!("/keys/{}/revoke?wait=all", created["id"].as_str().unwrap());
        assert_eq!(send(&path, &json!({})).status, 200);
        assert_eq!(there.status_for(&[api_key(key)]), 401);
    }
    let created = send("/keys", &json!({ "name": "ci", "scopes": ["*"] }));
    assert_eq!(created.header("countersign-receipt"), None);
    let rejected = send("/keys?wait=all", &json!({ "name": "ci" }));
    assert_eq!(rejected.status, 400);
    assert_eq!(rejected.header("countersign-receipt"), None);
    let rejected = send("/keys?wait=1", &json!({ "name": "ci", "scopes": ["*"] }));
    assert_eq!(
        (rejected.status, &rejected.json()["code"]),
        (400, &json!("invalid_query"))
    );
}

#[test]
fn command_that_changes_nothing_or_is_told_not_to_wait_has_no_receipt() {
    let home = Home::new();
    let _server = Server::start(&home, &[]);
    let create = ["key", "create", "--name", "ci", "--scopes", "*"];
    let created = home.json(&[&create[..], &["--no-wait"]].concat());
    assert_eq!(created.get("receipt"), None);
    let shown = home.json(&["key", "show", created["id"].as_str().unwrap()]);
    assert_eq!(shown.get("receipt"), None);
    let text = |arguments: &[&str]| String::from_utf8(home.run(arguments).stdout).unwrap();
    let suspended = text(&["key", "suspend", created["id"].as_str().unwrap()]);
    assert!(
        suspended.contains("Applied by the running server after "),
        "{suspended}"
    );
}

#[test]
fn command_without_a_server_waits_for_nothing() {
    let home = Home::new();
    let create = ["key", "create", "--name", "ci", "--scopes", "*"];
    assert_eq!(receipt(&home.json(&create)), [0, 0, 0]);
    let text = String::from_utf8(home.run(&create).stdout).unwrap();
    assert!(!text.contains("pplied"), "{text}");
    let (status, _) = Server::start(&home, &[]).stop();
    assert!(status.success());
    assert_eq!(
        receipt(&home.json(&create)),
        [0, 0, 0],
        "it has deregistered"
    );
}

#[test]
fn server_that_was_killed_is_awaited_until_its_view_would_be_stale() {
    let home = Home::new();
    let config = home.configure("[store]\nmax_staleness = \"1s\"\n");
    let arguments = ["--config", &config];
    let running = Server::start(&home, &arguments);
    // It is killed.
    drop(Server::start(&home, &arguments));
    let create = [
        "key", "create", "--name", "ci", "--scopes", "*", "--config", &config,
    ];
    let created = home.json(&create);
    assert_eq!(receipt(&created), [2, 1, 1]);
    let key = created["key"].as_str().unwrap();
    assert_eq!(running.status_for(&[api_key(key)]), 200);
    let next = home.json(&create);
    assert_eq!(receipt(&next), [1, 1, 0], "the first command removed it");
}

#[test]
fn secret_is_printed_before_the_command_waits_for_the_servers() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let create = ["key", "create", "--name", "ci", "--scopes", "*"];
    for json in [&["--json"][..], &[]] {
        // The server has acknowledged everything then, and is not stopped while it writes.
        home.run(&create);
        server.signal(Signal::STOP);
        let mut command = home.command(&[&create[..], json].concat());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut output = child.stdout.take().unwrap();
        let mut text = String::new();
        while !text.contains("Basic.\n") && !text.contains("\"secret\":") {
            let mut part = [0; 4096];
            let length = output.read(&mut part).unwrap();
            assert_ne!(length, 0, "{text}");
            text.push_str(std::str::from_utf8(&part[..length]).unwrap());
        }
        // The server cannot have applied the change: the command waits.
        assert!(child.try_wait().unwrap().is_none());
        assert!(!text.contains("receipt") && !text.contains("pplied"));
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        assert!(!child.wait().unwrap().success());
        server.signal(Signal::CONT);

        let begin = text.find("cs_").unwrap();
        let key = text[begin..].split(['"', '\n', ' ']).next().unwrap();
        wait_for("the key that was printed", PATIENCE, || {
            (server.status_for(&[api_key(key)]) == 200).then_some(())
        });
    }
}

#[test]
fn nodes_are_listed_with_what_they_have_applied() {
    let home = Home::new();
    let key = home.create_key("*").key;
    assert_eq!(home.json(&["node", "list"])["nodes"], json!([]));
    let (server, other) = (Server::start(&home, &[]), Server::start(&home, &[]));
    home.json(&["key", "create", "--name", "ci", "--scopes", "*"]);
    let listed = home.json(&["node", "list"]);
    let nodes = listed["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 2, "{listed}");
    for node in nodes {
        assert_eq!(node["state"], "active");
        assert_eq!(
            (&node["applied"], &node["behind"]),
            (&listed["change"], &json!(0))
        );
        assert_eq!(node["max_staleness_ms"], 5000);
        assert_eq!(node["when_stale"], "refuse");
    }
    let over_http = server.get("/admin/v1/nodes", &[api_key(&key)]);
    let ids = |list: &Value| {
        let nodes = list["nodes"].as_array().unwrap().iter();
        let ids: Vec<Value> = nodes.map(|node| node["id"].clone()).collect();
        ids
    };
    assert_eq!(ids(&over_http.json()), ids(&listed));
    let id = ids(&listed)[0].as_str().unwrap().to_owned();
    let removed = home.command(&["node", "remove", &id]).output().unwrap();
    assert_eq!(removed.status.code(), Some(1), "it is alive");

    assert!(other.stop().0.success());
    assert_eq!(ids(&home.json(&["node", "list"])).len(), 1);
    // The nodes belong to the whole server.
    let account = home.json(&["account", "create", "tenant"]);
    let account = account["id"].as_str().unwrap();
    let tenant = [
        "key",
        "create",
        "--name",
        "t",
        "--scopes",
        "*",
        "--account",
        account,
    ];
    let tenant = home.json(&tenant);
    let headers = [api_key(tenant["key"].as_str().unwrap())];
    assert_eq!(server.get("/admin/v1/nodes", &headers).status, 403);
}
