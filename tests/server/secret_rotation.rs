//! Rotation of peppers and master keys under a running server.

use std::fs;
use std::io::Write as _;
use std::process::{Output, Stdio};
use std::time::Duration;

use crate::harness::{Home, Server, api_key, wait_for};
use crate::lifecycle::error_of;

const ONE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER: &str = "BAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const VARIABLE: &str = "COUNTERSIGN_MASTER_KEY";

#[test]
fn older_keys_are_accepted_after_a_pepper_rotation_and_upgraded_to_the_new_pepper() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let before = server.create_key(&home, "*");
    assert_eq!(home.json(&["pepper", "rotate"])["version"], 2);
    let after = server.create_key(&home, "*");
    // Both before and after the server sees the rotation.
    wait_for("the new pepper", Duration::from_secs(5), || {
        assert_eq!(server.status_for(&[api_key(&before.key)]), 200);
        (server.status_for(&[api_key(&after.key)]) == 200).then_some(())
    });
    assert_eq!(server.status_for(&[api_key(&before.key)]), 200);
    // Digests are upgraded when the server stops.
    server.stop();
    let outdated = home.query("SELECT count(*) FROM credentials WHERE pepper_version = 1");
    assert_eq!(outdated, Some(0));
    let server = Server::start(&home, &[]);
    for key in [&before, &after] {
        assert_eq!(server.status_for(&[api_key(&key.key)]), 200);
    }
}

#[test]
fn running_server_loads_a_new_master_key_from_its_file() {
    let home = Home::on_sqlite();
    let server = Server::start(&home, &[]);
    let before = server.create_key(&home, "*");
    let file = home.path().join("countersign.key");
    let old = fs::read(&file).unwrap();
    assert_eq!(home.json(&["master-key", "rotate"])["kept_in"], "file");
    assert_ne!(fs::read(&file).unwrap(), old);
    // The server now needs the new master key, for a pepper and for a signing key.
    home.run(&["pepper", "rotate"]);
    home.run(&["signing-key", "rotate", "--lead", "0s"]);
    let after = server.create_key(&home, "*");
    for key in [&before, &after] {
        server.wait_until_accepted(&[api_key(&key.key)]);
        server.token(&[api_key(&key.key)]);
    }
    server.stop();
    fs::write(file, old).unwrap();
    let error = error_of(&home, &["key", "list"]);
    assert!(error.contains("cannot be decrypted"), "{error}");
}

/// Runs `master-key rotate` with this standard input.
fn rotate(home: &Home, input: &str) -> Output {
    let mut child = home
        .command(&["master-key", "rotate"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(input.as_bytes()).unwrap();
    drop(pipe);
    child.wait_with_output().unwrap()
}

#[test]
fn master_key_in_the_environment_is_replaced_by_one_from_standard_input() {
    let home = Home::new().with(VARIABLE, ONE);
    home.create_key("*");
    for bad in ["", "swordfish"] {
        let output = rotate(&home, bad);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("openssl rand -base64 32"), "{error}");
        assert!(!error.contains("swordfish"), "{error}");
    }
    let output = rotate(&home, OTHER);
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("set COUNTERSIGN_MASTER_KEY"), "{printed}");
    assert!(!printed.contains(OTHER));
    assert!(error_of(&home, &["key", "list"]).contains("cannot be decrypted"));
    let home = home.with(VARIABLE, OTHER);
    home.run(&["key", "list"]);
}

#[test]
fn server_with_the_old_master_key_logs_the_rotation_and_becomes_503() {
    let home = Home::new().with(VARIABLE, ONE);
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "*");
    assert!(rotate(&home, OTHER).status.success());
    let home = home.with(VARIABLE, OTHER);
    assert_eq!(server.status_for(&[api_key(&key.key)]), 200);
    home.run(&["pepper", "rotate"]);
    server.wait_for_log("the master key was rotated");
    wait_for("a stale view", Duration::from_secs(20), || {
        (server.status_for(&[api_key(&key.key)]) == 503).then_some(())
    });
}
