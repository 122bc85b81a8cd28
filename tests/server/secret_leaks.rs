//! Secrets are not in the log, and not in plain text in the database.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::first_start::first_key;
use crate::harness::{Home, Server, api_key, basic, bearer};

/// A secret, with its name for the failure message.
struct Canary {
    name: &'static str,
    bytes: Vec<u8>,
}

#[derive(Default)]
struct Canaries(Vec<Canary>);

impl Canaries {
    fn add(&mut self, name: &'static str, secret: impl AsRef<[u8]>) {
        let bytes = secret.as_ref().to_vec();
        assert!(bytes.len() >= 8, "{name} is too short to search for");
        self.0.push(Canary { name, bytes });
    }

    #[track_caller]
    fn absent_from(&self, place: &str, content: &[u8]) {
        for canary in &self.0 {
            let found = content
                .windows(canary.bytes.len())
                .any(|window| window == canary.bytes);
            assert!(!found, "{} is in {place}", canary.name);
        }
    }
}

#[test]
fn no_secret_is_in_the_log_or_in_plain_text_in_the_database() {
    let home = Home::on_sqlite().with("COUNTERSIGN_LOG__FILTER", "trace");
    let server = Server::start(&home, &["--print-first-key"]);
    let first = first_key(&server.printed(|lines| lines.iter().any(|line| line.contains("cs_"))));
    let created = [
        "key create --name canary --scopes *",
        "user create ada --scopes * --generate",
    ];
    let mut log = Vec::new();
    let mut outputs = Vec::new();
    for command in created {
        let arguments: Vec<&str> = command.split(' ').chain(["--json"]).collect();
        let output = home.run(&arguments);
        log.extend(output.stderr);
        outputs.push(serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap());
    }
    let text = |index: usize, name: &str| outputs[index][name].as_str().unwrap().to_owned();
    let (id, key, secret) = (text(0, "id"), text(0, "key"), text(0, "secret"));
    let password = text(1, "password");

    server.wait_until_accepted(&[api_key(&key)]);
    server.wait_until_accepted(&[basic("ada", &password)]);

    // Valid and invalid credentials, in every supported place, and in unsupported ones.
    let token = server.token(&[api_key(&key)]);
    let (unsigned, signature) = token.rsplit_once('.').unwrap();
    let forged = format!("{unsigned}.{}", signature.chars().rev().collect::<String>());
    let wrong_key = format!(
        "{}{}",
        &key[..key.len() - 1],
        if key.ends_with('0') { '1' } else { '0' }
    );
    let wrong_password = "not-the-password-canary";
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret=");
    let statuses = [
        server.status_for(&[api_key(&first)]),
        server.status_for(&[api_key(&key)]),
        server.status_for(&[basic(&id, &secret)]),
        server.status_for(&[basic("ada", &password)]),
        server.status_for(&[bearer(&token)]),
        server
            .post("/oauth/token", &[], &format!("{form}{secret}"))
            .status,
        server.mint(&[basic(&id, &secret)]).status,
    ];
    assert_eq!(statuses, [200; 7]);
    let rejected = [
        server.status_for(&[api_key(&wrong_key)]),
        server.status_for(&[basic(&id, wrong_password)]),
        server.status_for(&[basic("ada", wrong_password)]),
        server.status_for(&[basic(&password, "ada")]),
        server.status_for(&[bearer(&forged)]),
        server.status_for(&[bearer(&key)]),
        server.status_for(&[api_key(&token)]),
        server.status_for(&[api_key(&key), bearer(&token)]),
        server.mint(&[bearer(&token)]).status,
        server.mint(&[api_key(&token)]).status,
        server
            .post("/oauth/token", &[], &format!("{form}{wrong_password}"))
            .status,
        server
            .post(
                "/oauth/token",
                &[],
                &format!("{form}{secret}&scope=!{secret}"),
            )
            .status,
        server
            .post(&format!("/oauth/token?x-api-key={key}"), &[], &form)
            .status,
        server
            .get(&format!("/{key}/{token}?access_token={token}"), &[])
            .status,
    ];
    assert!(
        rejected.iter().all(|status| (400..500).contains(status)),
        "{rejected:?}"
    );
    let rotated = home.run(&["key", "rotate", &id, "--json"]);
    let new_password = home.run(&["user", "passwd", "ada", "--generate", "--json"]);
    let mut renewed = Vec::new();
    for (output, name) in [(rotated, "secret"), (new_password, "password")] {
        log.extend(output.stderr);
        let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        renewed.push(printed[name].as_str().unwrap().to_owned());
    }
    server.wait_until_accepted(&[basic(&id, &renewed[0])]);
    server.wait_until_accepted(&[basic("ada", &renewed[1])]);
    log.extend(home.run(&["key", "revoke", &id]).stderr);
    let (_, served) = server.stop();
    // The log must have the events of the library, too, so that they are searched.
    for target in ["countersign_server::http", "countersign::auth"] {
        assert!(served.contains(target), "{target} logs nothing");
    }
    log.extend(served.into_bytes());

    let master = fs::read_to_string(home.path().join("countersign.key")).unwrap();
    let mut canaries = Canaries::default();
    canaries.add("the first key", &first);
    canaries.add(
        "the first key's secret",
        &first[first.rfind('_').unwrap() + 1..][..43],
    );
    canaries.add("the key", &key);
    canaries.add("the key's secret", &secret);
    canaries.add(
        "the key's Basic value",
        STANDARD.encode(format!("{id}:{secret}")),
    );
    canaries.add("the password", &password);
    canaries.add(
        "the password's Basic value",
        STANDARD.encode(format!("ada:{password}")),
    );
    canaries.add("the rotated key's secret", &renewed[0]);
    canaries.add("the new password", &renewed[1]);
    canaries.add("the token's signature", signature);
    canaries.add("the token's claims", unsigned);
    canaries.add("the forged signature", &forged[unsigned.len()..]);
    canaries.add("the wrong password", wrong_password);
    canaries.add("the master key", master.trim());
    canaries.add(
        "the master key's bytes",
        STANDARD.decode(master.trim()).unwrap(),
    );
    // RFC 8410 §7: the algorithm identifier and the header of the private key octets.
    canaries.add(
        "an Ed25519 private key",
        b"\x06\x03\x2b\x65\x70\x04\x22\x04\x20",
    );
    canaries.absent_from("the log", &log);

    for file in home.path().read_dir().unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("x.db") {
            canaries.absent_from(name, &fs::read(&path).unwrap());
        }
    }
}
