//! Keys and users from their making to their end, as commands change them under a running server.

use std::time::Duration;

use serde_json::Value;

use crate::harness::{Home, Server, api_key, basic, bearer, wait_for};

const PATIENCE: Duration = Duration::from_secs(10);

/// The one line on standard error of a command that must fail.
#[track_caller]
pub(crate) fn refused(home: &Home, arguments: &[&str]) -> String {
    let output = home.command(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
    assert!(output.stdout.is_empty(), "{arguments:?}: {output:?}");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(errors.trim_end().lines().count(), 1, "{errors}");
    errors
}

/// Waits until the server answers `/whoami` with this status.
#[track_caller]
pub(crate) fn answers(server: &Server, status: u16, headers: &[(&'static str, String)]) {
    wait_for("the status", PATIENCE, || {
        (server.status_for(headers) == status).then_some(())
    });
}

fn text<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer[name]
        .as_str()
        .unwrap_or_else(|| panic!("{name}: {answer}"))
}

#[test]
fn a_suspended_key_is_refused_until_it_is_activated_and_its_tokens_stay_dead() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "*");
    let token = server.token(&[api_key(&key.key)]);

    assert_eq!(
        home.json(&["key", "suspend", &key.id])["status"],
        "suspended"
    );
    answers(&server, 401, &[api_key(&key.key)]);
    assert_eq!(server.status_for(&[bearer(&token)]), 401);

    assert_eq!(home.json(&["key", "activate", &key.id])["status"], "active");
    answers(&server, 200, &[api_key(&key.key)]);
    assert_eq!(server.status_for(&[bearer(&token)]), 401);
    let anew = server.token(&[api_key(&key.key)]);
    assert_eq!(server.status_for(&[bearer(&anew)]), 200);
}

#[test]
fn a_revoked_key_keeps_its_reason_comes_not_back_and_can_be_deleted() {
    let home = Home::new();
    let key = home.create_key("*");
    let early = refused(&home, &["key", "delete", &key.id]);
    assert!(early.contains("revoke it first"), "{early}");

    let revoked = home.json(&["key", "revoke", &key.id, "--reason", "found in a log"]);
    assert_eq!(revoked["status"], "revoked");
    assert_eq!(revoked["reason"], "found in a log");
    let shown = home.run(&["key", "show", &key.id]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("found in a log"), "{shown}");
    for command in [
        &["key", "activate", &key.id][..],
        &["key", "suspend", &key.id],
        &["key", "scopes", &key.id, "a"],
        &["key", "rotate", &key.id],
    ] {
        let error = refused(&home, command);
        assert!(error.contains("revoked, which is for good"), "{error}");
    }

    assert_eq!(
        home.json(&["key", "delete", &key.id])["id"],
        key.id.as_str()
    );
    let gone = refused(&home, &["key", "show", &key.id]);
    assert!(gone.contains("there is no key of that id"), "{gone}");
    assert_eq!(home.json(&["key", "list"])["keys"], serde_json::json!([]));
}

#[test]
fn narrowing_a_keys_scopes_ends_its_tokens_and_widening_does_not() {
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
    answers(&server, 401, &[bearer(&token)]);
    assert_eq!(server.status_for(&[api_key(&key.key)]), 200);
}

#[test]
fn after_a_rotation_both_secrets_work_and_tokens_live_on() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let old = server.create_key(&home, "*");
    let token = server.token(&[api_key(&old.key)]);

    let new = home.json(&["key", "rotate", &old.id]);
    assert_eq!(text(&new, "id"), old.id);
    let created = home.json(&["key", "create", "--name", "a", "--scopes", "a"]);
    let members = |answer: &Value| {
        answer
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(members(&new), members(&created));
    answers(&server, 200, &[api_key(text(&new, "key"))]);
    answers(&server, 200, &[basic(&old.id, text(&new, "secret"))]);
    assert_eq!(server.status_for(&[api_key(&old.key)]), 200);
    assert_eq!(server.status_for(&[bearer(&token)]), 200);

    let shown = home.json(&["key", "show", &old.id]);
    let day = grace(&shown);
    assert!((23.9..24.1).contains(&day), "{day} h: {shown}");
    let third = refused(&home, &["key", "rotate", &old.id]);
    assert!(third.contains(text(&shown, "grace_until")), "{third}");
    assert!(
        third.contains("--grace 0s") && third.contains("--compromised"),
        "{third}"
    );
}

/// For how many hours from the change on the old secret works.
fn grace(shown: &Value) -> f64 {
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;

    let moment = |name| OffsetDateTime::parse(text(shown, name), &Rfc3339).unwrap();
    (moment("grace_until") - moment("updated_at")).as_seconds_f64() / 3600.0
}

#[test]
fn a_rotation_without_grace_ends_the_old_secret_and_one_as_compromised_its_tokens_too() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let first = server.create_key(&home, "*");
    let token = server.token(&[api_key(&first.key)]);

    let second = home.json(&["key", "rotate", &first.id, "--grace", "0s"]);
    let second = text(&second, "key");
    answers(&server, 401, &[api_key(&first.key)]);
    assert_eq!(server.status_for(&[api_key(second)]), 200);
    assert_eq!(server.status_for(&[bearer(&token)]), 200);

    let third = home.json(&["key", "rotate", &first.id, "--compromised"]);
    answers(&server, 401, &[api_key(second)]);
    assert_eq!(server.status_for(&[api_key(text(&third, "key"))]), 200);
    assert_eq!(server.status_for(&[bearer(&token)]), 401);
}

#[test]
fn grace_and_compromised_together_are_bad_usage() {
    let home = Home::new();
    let key = home.create_key("*");
    let both = ["key", "rotate", &key.id, "--grace", "1h", "--compromised"];
    let output = home.command(&both).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
}

#[test]
fn a_key_of_a_network_is_refused_from_elsewhere_and_shown_with_it() {
    let home = Home::new();
    let create = |networks: &[&str]| {
        let mut line = vec!["key", "create", "--name", "a", "--scopes", "*"];
        for network in networks {
            line.extend(["--allow-from", network]);
        }
        home.json(&line)
    };
    let elsewhere = create(&["192.0.2.0/24", "2001:db8::/32"]);
    let shown = home.json(&["key", "show", text(&elsewhere, "id")]);
    let networks = serde_json::json!(["192.0.2.0/24", "2001:db8::/32"]);
    assert_eq!(shown["allow_from"], networks);
    let list = String::from_utf8(home.run(&["key", "list"]).stdout).unwrap();
    assert!(list.contains("192.0.2.0/24 2001:db8::/32"), "{list}");

    let here = create(&["127.0.0.0/8"]);
    let server = Server::start(&home, &[]);
    assert_eq!(server.status_for(&[api_key(text(&here, "key"))]), 200);
    assert_eq!(server.status_for(&[api_key(text(&elsewhere, "key"))]), 401);
}

#[test]
fn a_used_key_is_listed_with_when_it_was_used() {
    let home = Home::new();
    let key = home.create_key("*");
    assert_eq!(
        home.json(&["key", "show", &key.id])["last_used_at"],
        Value::Null
    );
    let server = Server::start(&home, &[]);
    assert_eq!(server.status_for(&[api_key(&key.key)]), 200);
    // What was used is written down at the latest when the server ends.
    let (ended, _) = server.stop();
    assert!(ended.success());
    let shown = home.json(&["key", "show", &key.id]);
    assert!(shown["last_used_at"].is_string(), "{shown}");
}

#[test]
fn a_new_password_ends_the_old_one_and_the_users_tokens() {
    let home = Home::new();
    let create = ["user", "create", "ada", "--scopes", "*", "--generate"];
    let made = home.json(&create);
    let server = Server::start(&home, &[]);
    let old = [basic("ada", text(&made, "password"))];
    assert_eq!(server.status_for(&old), 200);

    let changed = home.json(&["user", "passwd", "ada", "--generate"]);
    assert_eq!(changed["id"], made["id"]);
    assert_eq!(changed["generation"], 2);
    answers(&server, 401, &old);
    assert_eq!(
        server.status_for(&[basic("ada", text(&changed, "password"))]),
        200
    );

    let nobody = refused(&home, &["user", "passwd", "eve", "--generate"]);
    assert!(nobody.contains("no user of that name"), "{nobody}");
}

#[test]
fn a_user_is_suspended_activated_revoked_and_deleted_and_the_name_is_free_again() {
    let home = Home::new();
    let create = ["user", "create", "ada", "--scopes", "*", "--generate"];
    let made = home.json(&create);
    let server = Server::start(&home, &[]);
    let presented = [basic("ada", text(&made, "password"))];

    assert_eq!(
        home.json(&["user", "suspend", "ada"])["status"],
        "suspended"
    );
    answers(&server, 401, &presented);
    assert_eq!(home.json(&["user", "activate", "ada"])["status"], "active");
    answers(&server, 200, &presented);
    home.json(&["user", "revoke", "ada", "--reason", "left"]);
    answers(&server, 401, &presented);
    let listed = home.json(&["user", "list"]);
    assert_eq!(listed["users"][0]["reason"], "left");
    let taken = refused(&home, &create);
    assert!(taken.contains("a user of that name already"), "{taken}");

    home.json(&["user", "delete", "ada"]);
    assert_eq!(home.json(&["user", "list"])["users"], serde_json::json!([]));
    assert_ne!(home.json(&create)["id"], made["id"]);
}
