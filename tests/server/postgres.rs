//! Servers that share a PostgreSQL database.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::harness::{Home, Server, api_key, bearer, wait_for};

/// The time within which a server must see a change of another one.
const PATIENCE: Duration = Duration::from_secs(10);
const CONFIG: &str = "[issuer.default]\nurl = \"https://auth.example\"\nalgorithm = \"ES256\"\n";

#[test]
fn key_of_one_server_works_on_another_until_it_is_revoked_there() {
    let home = Home::on_postgres();
    let config = home.configure(CONFIG);
    let servers = [(); 2].map(|()| Server::start(&home, &["--config", &config]));
    let [first, second] = &servers;
    let key = home.create_key("*");
    let answers = |status: u16| {
        wait_for("the same answer", PATIENCE, || {
            let all = servers.iter();
            let mut all = all.map(|server| server.status_for(&[api_key(&key.key)]));
            all.all(|answer| answer == status).then_some(())
        });
    };
    answers(200);
    let token = first.token(&[api_key(&key.key)]);
    assert_eq!(second.status_for(&[bearer(&token)]), 200);

    let path = format!("/admin/v1/keys/{}/revoke", key.id);
    let revoked = second.send("POST", &path, &[api_key(&key.key)], "{}");
    assert!(revoked.status < 300, "{revoked:?}");
    assert_eq!(second.status_for(&[api_key(&key.key)]), 401);
    answers(401);
    wait_for("the rejected token", PATIENCE, || {
        (first.status_for(&[bearer(&token)]) == 401).then_some(())
    });
    home.run(&["audit", "verify"]);
    home.run(&["doctor"]);
}

#[test]
fn one_login_at_the_same_instant_gets_the_same_token_from_two_servers() {
    let home = Home::on_postgres();
    let config = home.configure(CONFIG);
    let key = home.create_key("*").key;
    let servers = [(); 2].map(|()| Server::start(&home, &["--config", &config]));
    for round in 0..4 {
        let barrier = Barrier::new(4);
        let body = json!({ "api_key": key, "session_id": format!("phone-{round}") }).to_string();
        let tokens: Vec<String> = thread::scope(|scope| {
            let log_in = |server| {
                let (barrier, body) = (&barrier, &body);
                scope.spawn(move || {
                    barrier.wait();
                    let response = Server::send(server, "POST", "/auth/login", &[], body);
                    assert_eq!(response.status, 200, "{response:?}");
                    response.json()["access_token"].as_str().unwrap().to_owned()
                })
            };
            let requests: Vec<_> = servers.iter().chain(&servers).map(log_in).collect();
            requests
                .into_iter()
                .map(|one| one.join().unwrap())
                .collect()
        });
        assert!(tokens.iter().all(|token| *token == tokens[0]), "{round}");
    }
}

#[test]
fn migration_needs_no_master_key_and_tells_what_the_servers_need() {
    let home = Home::on_postgres();
    let migrated = home.run(&["store", "migrate"]);
    let text = String::from_utf8(migrated.stdout).unwrap();
    assert!(text.contains("GRANT"), "{text}");
    home.create_key("*");
}

#[test]
fn server_without_a_master_key_says_how_to_give_one() {
    let home = Home::on_postgres().with("COUNTERSIGN_STORE__MASTER_KEY_FILE", "missing.key");
    let mut command = home.command(&["key", "list"]);
    let output = command
        .env_remove("COUNTERSIGN_MASTER_KEY")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(text.contains("missing.key"), "{text}");
    assert!(!home.path().join("missing.key").exists());
}
