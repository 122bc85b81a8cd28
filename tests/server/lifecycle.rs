//! The lifecycle of keys and users, changed by commands under a running server.

use std::time::Duration;

use serde_json::Value;

use crate::harness::{Home, Server, api_key, basic, bearer, wait_for};

const PATIENCE: Duration = Duration::from_secs(10);

/// Runs a command that must fail; returns its error, which must be one line.
#[track_caller]
pub(crate) fn error_of(home: &Home, arguments: &[&str]) -> String {
    let output = home.command(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
    assert!(output.stdout.is_empty(), "{arguments:?}: {output:?}");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(errors.trim_end().lines().count(), 1, "{errors}");
    errors
}

/// Waits until `/whoami` has this status for these headers.
#[track_caller]
pub(crate) fn wait_for_status(server: &Server, status: u16, headers: &[(&'static str, String)]) {
    wait_for("the status", PATIENCE, || {
        (server.status_for(headers) == status).then_some(())
    });
}

fn text<'a>(response: &'a Value, name: &str) -> &'a str {
    response[name]
        .as_str()
        .unwrap_or_else(|| panic!("{name}: {response}"))
}

#[test]
fn a_suspended_key_is_rejected_until_activation_and_its_tokens_stay_rejected() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "*");
    let token = server.token(&[api_key(&key.key)]);

    assert_eq!(
        home.json(&["key", "suspend", &key.id])["status"],
        "suspended"
    );
    wait_for_status(&server, 401, &[api_key(&key.key)]);
    assert_eq!(server.status_for(&[bearer(&token)]), 401);

    assert_eq!(home.json(&["key", "activate", &key.id])["status"], "active");
    wait_for_status(&server, 200, &[api_key(&key.key)]);
    assert_eq!(server.status_for(&[bearer(&token)]), 401);
    let renewed = server.token(&[api_key(&key.key)]);
    assert_eq!(server.status_for(&[bearer(&renewed)]), 200);
}

#[test]
fn a_revoked_key_has_its_reason_cannot_be_changed_and_can_be_deleted() {
    let home = Home::new();
    let key = home.create_key("*");
    let early = error_of(&home, &["key", "delete", &key.id]);
    assert!(early.contains("revoke it first"), "{early}");

    let revoked = home.json(&["key", "revoke", &key.id, "--reason", "found in a log"]);
    assert_eq!(revoked["status"], "revoked");
    assert_eq!(revoked["reason"], "found in a log");
    let details = home.run(&["key", "show", &key.id]);
    let details = String::from_utf8(details.stdout).unwrap();
    assert!(details.contains("found in a log"), "{details}");
    for command in [
        &["key", "activate", &key.id][..],
        &["key", "suspend", &key.id],
        &["key", "scopes", &key.id, "a"],
        &["key", "rotate", &key.id],
    ] {
        let error = error_of(&home, command);
        assert!(error.contains("revoked, which is permanent"), "{error}");
    }

    assert_eq!(
        home.json(&["key", "delete", &key.id])["id"],
        key.id.as_str()
    );
    let gone = error_of(&home, &["key", "show", &key.id]);
    assert!(gone.contains("there is no key of that id"), "{gone}");
    assert_eq!(home.json(&["key", "list"])["keys"], serde_json::json!([]));
}

#[test]
fn narrowing_the_scopes_of_a_key_invalidates_its_tokens_and_widening_does_not() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "calls:read");
    let token = server.token(&[api_key(&key.key)]);

    let wider = home.json(&["key", "scopes", &key.id, "calls:read wallet:*"]);
    assert_eq!(
        wider["scopes"],
        serde_json::json!(["calls:read", "wallet:*"])
    );
    assert_eq!(wider["generation"], 1);
    wait_for("the wider scopes", PATIENCE, || {
        let whoami = server.get("/whoami", &[api_key(&key.key)]).json();
        (whoami["scopes"] == wider["scopes"]).then_some(())
    });
    assert_eq!(server.status_for(&[bearer(&token)]), 200);

    let narrower = home.json(&["key", "scopes", &key.id, "wallet:read"]);
    assert_eq!(narrower["generation"], 2);
    wait_for_status(&server, 401, &[bearer(&token)]);
    assert_eq!(server.status_for(&[api_key(&key.key)]), 200);
}

#[test]
fn after_a_rotation_both_secrets_and_the_tokens_are_accepted() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let old = server.create_key(&home, "*");
    let token = server.token(&[api_key(&old.key)]);

    let new = home.json(&["key", "rotate", &old.id]);
    assert_eq!(text(&new, "id"), old.id);
    let created = home.json(&["key", "create", "--name", "a", "--scopes", "a"]);
    let members = |response: &Value| {
        response
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(members(&new), members(&created));
    wait_for_status(&server, 200, &[api_key(text(&new, "key"))]);
    wait_for_status(&server, 200, &[basic(&old.id, text(&new, "secret"))]);
    assert_eq!(server.status_for(&[api_key(&old.key)]), 200);
    assert_eq!(server.status_for(&[bearer(&token)]), 200);

    let details = home.json(&["key", "show", &old.id]);
    let day = grace(&details);
    assert!((23.9..24.1).contains(&day), "{day} h: {details}");
    let third = error_of(&home, &["key", "rotate", &old.id]);
    assert!(third.contains(text(&details, "grace_until")), "{third}");
    assert!(
        third.contains("--grace 0s") && third.contains("--compromised"),
        "{third}"
    );
}

/// Returns the grace period of the old secret in hours.
fn grace(details: &Value) -> f64 {
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;

    let timestamp = |name| OffsetDateTime::parse(text(details, name), &Rfc3339).unwrap();
    (timestamp("grace_until") - timestamp("updated_at")).as_seconds_f64() / 3600.0
}

#[test]
fn rotation_without_grace_invalidates_the_old_secret_and_as_compromised_also_its_tokens() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let first = server.create_key(&home, "*");
    let token = server.token(&[api_key(&first.key)]);

    let second = home.json(&["key", "rotate", &first.id, "--grace", "0s"]);
    let second = text(&second, "key");
    wait_for_status(&server, 401, &[api_key(&first.key)]);
    assert_eq!(server.status_for(&[api_key(second)]), 200);
    assert_eq!(server.status_for(&[bearer(&token)]), 200);

    let third = home.json(&["key", "rotate", &first.id, "--compromised"]);
    wait_for_status(&server, 401, &[api_key(second)]);
    assert_eq!(server.status_for(&[api_key(text(&third, "key"))]), 200);
    assert_eq!(server.status_for(&[bearer(&token)]), 401);
}

#[test]
fn grace_and_compromised_together_are_a_usage_error() {
    let home = Home::new();
    let key = home.create_key("*");
    let both = ["key", "rotate", &key.id, "--grace", "1h", "--compromised"];
    let output = home.command(&both).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
}

#[test]
fn a_key_with_allowed_networks_is_rejected_from_others_and_listed_with_them() {
    let home = Home::new();
    let create = |networks: &[&str]| {
        let mut line = vec!["key", "create", "--name", "a", "--scopes", "*"];
        for network in networks {
            line.extend(["--allow-from", network]);
        }
        home.json(&line)
    };
    let elsewhere = create(&["192.0.2.0/24", "2001:db8::/32"]);
    let details = home.json(&["key", "show", text(&elsewhere, "id")]);
    let networks = serde_json::json!(["192.0.2.0/24", "2001:db8::/32"]);
    assert_eq!(details["allow_from"], networks);
    let list = String::from_utf8(home.run(&["key", "list"]).stdout).unwrap();
    assert!(list.contains("192.0.2.0/24 2001:db8::/32"), "{list}");

    let here = create(&["127.0.0.0/8"]);
    let server = Server::start(&home, &[]);
    assert_eq!(server.status_for(&[api_key(text(&here, "key"))]), 200);
    assert_eq!(server.status_for(&[api_key(text(&elsewhere, "key"))]), 401);
}

#[test]
fn a_used_key_has_last_used_at() {
    let home = Home::new();
    let key = home.create_key("*");
    assert_eq!(
        home.json(&["key", "show", &key.id])["last_used_at"],
        Value::Null
    );
    let server = Server::start(&home, &[]);
    assert_eq!(server.status_for(&[api_key(&key.key)]), 200);
    // Last uses are written at the latest when the server stops.
    let (ended, _) = server.stop();
    assert!(ended.success());
    let details = home.json(&["key", "show", &key.id]);
    assert!(details["last_used_at"].is_string(), "{details}");
}

#[test]
fn a_new_password_replaces_the_old_one_for_a_user() {
    let home = Home::new();
    let create = ["user", "create", "ada", "--scopes", "*", "--generate"];
    let created = home.json(&create);
    let server = Server::start(&home, &[]);
    let old = [basic("ada", text(&created, "password"))];
    assert_eq!(server.status_for(&old), 200);

    let changed = home.json(&["user", "passwd", "ada", "--generate"]);
    assert_eq!(changed["id"], created["id"]);
    assert_eq!(changed["generation"], 2);
    wait_for_status(&server, 401, &old);
    assert_eq!(
        server.status_for(&[basic("ada", text(&changed, "password"))]),
        200
    );

    let unknown = error_of(&home, &["user", "passwd", "eve", "--generate"]);
    assert!(unknown.contains("no user of that name"), "{unknown}");
}

#[test]
fn a_user_is_suspended_activated_revoked_and_deleted_and_the_name_can_be_reused() {
    let home = Home::new();
    let create = ["user", "create", "ada", "--scopes", "*", "--generate"];
    let created = home.json(&create);
    let server = Server::start(&home, &[]);
    let presented = [basic("ada", text(&created, "password"))];

    assert_eq!(
        home.json(&["user", "suspend", "ada"])["status"],
        "suspended"
    );
    wait_for_status(&server, 401, &presented);
    assert_eq!(home.json(&["user", "activate", "ada"])["status"], "active");
    wait_for_status(&server, 200, &presented);
    home.json(&["user", "revoke", "ada", "--reason", "left"]);
    wait_for_status(&server, 401, &presented);
    let listed = home.json(&["user", "list"]);
    assert_eq!(listed["users"][0]["reason"], "left");
    let taken = error_of(&home, &create);
    assert!(taken.contains("a user of that name already"), "{taken}");

    home.json(&["user", "delete", "ada"]);
    assert_eq!(home.json(&["user", "list"])["users"], serde_json::json!([]));
    assert_ne!(home.json(&create)["id"], created["id"]);
}
