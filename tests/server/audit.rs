//! The audit commands.

use serde_json::Value;

use crate::harness::Home;
use crate::lifecycle::error_of;

#[test]
fn changes_are_listed_with_their_actor_newest_first() {
    let home = Home::new().with("USER", "ada");
    let key = home.create_key("*");
    home.run(&["key", "suspend", &key.id]);
    let listed = home.json(&["audit", "list"]);
    let records = listed["records"].as_array().unwrap();
    let actions: Vec<_> = records.iter().map(|record| &record["action"]).collect();
    assert_eq!(actions[..2], ["key.suspend", "key.create"], "{listed}");
    assert_eq!(records[0]["actor"], "cli:ada");
    assert_eq!(records[0]["entity"], key.id.as_str());
    let newest = home.json(&["audit", "list", "--limit", "1"]);
    assert_eq!(newest["records"], Value::from(records[..1].to_vec()));

    let text = home.run(&["audit", "list"]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(
        text.lines()
            .nth(1)
            .unwrap()
            .contains("cli:ada  key.suspend"),
        "{text}"
    );
}

#[test]
fn an_actor_with_control_characters_is_not_taken_from_the_environment() {
    let home = Home::new().with("USER", "\u{1b}[2J").with("LOGNAME", "a b");
    home.create_key("*");
    assert_eq!(home.json(&["audit", "list"])["records"][0]["actor"], "cli");
}

#[test]
fn an_intact_audit_is_verified_and_so_is_an_earlier_checkpoint() {
    let home = Home::new();
    home.create_key("*");
    let first = home.json(&["audit", "verify"]);
    assert_eq!(first["intact"], true);
    let checkpoint = first["checkpoint"].as_str().unwrap();
    home.create_key("*");
    let later = home.json(&["audit", "verify", "--checkpoint", checkpoint]);
    assert_eq!(later["records"], first["records"].as_i64().unwrap() + 1);
    let text = home.run(&["audit", "verify"]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(
        text.contains(later["checkpoint"].as_str().unwrap()),
        "{text}"
    );
}

#[test]
fn changes_that_cannot_be_audited_are_not_applied() {
    let home = Home::new();
    let key = home.create_key("*");
    home.query("UPDATE audit_head SET mac = (SELECT digest FROM credentials)");
    for command in [
        &["key", "suspend", &key.id][..],
        &["key", "rotate", &key.id, "--compromised"],
        &["key", "create", "--name", "a", "--scopes", "a"],
        &["account", "create", "acme"],
        &["signing-key", "rotate"],
    ] {
        error_of(&home, command);
    }
    let keys = home.json(&["key", "list"]);
    assert_eq!(keys["keys"][0]["status"], "active", "{keys}");
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1, "{keys}");
}

#[test]
fn an_audit_that_does_not_match_the_checkpoint_is_reported_with_the_record() {
    let home = Home::new();
    home.create_key("*");
    let other = Home::new();
    other.create_key("*");
    let checkpoint = other.json(&["audit", "verify"]);
    let checkpoint = checkpoint["checkpoint"].as_str().unwrap();

    let verify = ["audit", "verify", "--checkpoint", checkpoint];
    let error = error_of(&home, &verify);
    assert!(error.contains("tampered with: record "), "{error}");
    let json = home
        .command(&[&verify[..], &["--json"]].concat())
        .output()
        .unwrap();
    assert_eq!(json.status.code(), Some(1), "{json:?}");
    let found: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(found["intact"], false);
    assert!(
        found["number"].is_i64() && found["what"].is_string(),
        "{found}"
    );
}
