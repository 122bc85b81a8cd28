//! Users with passwords.

use std::thread;

use serde_json::{Value, json};

use super::{Fixture, assert_problem, assert_same, text};
use crate::harness::basic;

#[test]
fn a_user_is_created_accepted_suspended_activated_revoked_and_deleted() {
    let fixture = Fixture::open();
    let body = json!({ "name": "Ada", "password": "a long pass phrase", "scopes": ["a"] });
    let created = fixture.expect_status(201, "POST", "/users", &body);
    assert!(!created.body.contains("pass phrase"), "{created:?}");
    let id = text(&created.json(), "id");
    let location = format!("/admin/v1/users/{id}");
    assert_eq!(created.header("location"), Some(&*location));
    assert_eq!(created.json()["name"], "ada");
    let presented = [basic("ada", "a long pass phrase")];
    let status = || fixture.server.status_for(&presented);
    assert_eq!(status(), 200);
    assert_eq!(
        fixture.get("/users")["users"][0],
        fixture.get(&format!("/users/{id}"))
    );

    let again = fixture.send(&fixture.operator, "POST", "/users", &body);
    assert_problem(&again, 409, "name_taken");

    let at = |rest: &str| format!("/users/{id}{rest}");
    for (path, expected) in [("/suspend", 401), ("/activate", 200), ("/revoke", 401)] {
        fixture.post(&at(path), &Value::Null);
        assert_eq!(status(), expected, "{path}");
    }
    fixture.expect_status(204, "DELETE", &at(""), &Value::Null);
    assert_eq!(status(), 401);
    let (_, log) = fixture.server.stop();
    assert!(!log.contains("pass phrase"), "{log}");
}

#[test]
fn a_new_password_replaces_the_old_one_at_once() {
    let fixture = Fixture::open();
    let body = json!({ "name": "ada", "password": "old", "scopes": ["a"] });
    let id = text(&fixture.create("/users", &body), "id");
    assert_eq!(fixture.server.status_for(&[basic("ada", "old")]), 200);
    let changed = fixture.post(
        &format!("/users/{id}/password"),
        &json!({ "password": "new" }),
    );
    assert_eq!(changed["generation"], 2);
    assert_eq!(fixture.server.status_for(&[basic("ada", "old")]), 401);
    assert_eq!(fixture.server.status_for(&[basic("ada", "new")]), 200);
    let long = "p".repeat(1025);
    let path = format!("/users/{id}/password");
    let rejected = fixture.send(
        &fixture.operator,
        "POST",
        &path,
        &json!({ "password": long }),
    );
    assert_problem(&rejected, 400, "invalid_password");
}

#[test]
fn too_many_concurrent_password_changes_are_503_and_not_applied() {
    let fixture = Fixture::open();
    let tenant = fixture.tenant("busy", &["countersign:admin"]);
    let body = json!({ "name": "ada", "password": "p", "scopes": [] });
    let created = fixture.send(&tenant.key, "POST", "/users", &body).json();
    let path = format!("/users/{}", text(&created, "id"));
    let set = || {
        let (path, body) = (format!("{path}/password"), json!({ "password": "p" }));
        fixture.send(&tenant.key, "POST", &path, &body)
    };
    let responses: Vec<_> = thread::scope(|scope| {
        let requests: Vec<_> = (0..100).map(|_| scope.spawn(set)).collect();
        requests
            .into_iter()
            .map(|one| one.join().unwrap())
            .collect()
    });
    let (done, rejected): (Vec<_>, Vec<_>) = responses.iter().partition(|one| one.status == 200);
    assert!(done.len() >= 4 && !rejected.is_empty(), "{}", done.len());
    for rejected in rejected {
        assert_problem(rejected, 503, "busy");
        assert_eq!(rejected.header("retry-after"), Some("1"), "{rejected:?}");
    }
    assert_eq!(fixture.get(&path)["generation"], 1 + done.len());
    assert_eq!(set().status, 200, "after the others have finished");
}

#[test]
fn ids_of_users_are_not_found_as_keys_and_vice_versa() {
    let fixture = Fixture::open();
    let body = json!({ "name": "ada", "password": "p", "scopes": ["a"] });
    let user = text(&fixture.create("/users", &body), "id");
    let key = fixture.key(&["a"]);
    for (own, others, absent) in [
        (
            "keys",
            user.as_str(),
            "keys/013xrzp12g3nqk8ngskn1wtxgka5b0nf",
        ),
        (
            "users",
            &*text(&key, "id"),
            "users/013xrzp12g3nqk8ngskn1wtxgka5b0nf",
        ),
    ] {
        for (method, path, body) in [
            ("GET", "", Value::Null),
            ("POST", "/suspend", Value::Null),
            ("POST", "/activate", Value::Null),
            ("POST", "/revoke", Value::Null),
            ("DELETE", "", Value::Null),
            ("PUT", "/scopes", json!({ "scopes": [] })),
            (
                "POST",
                if own == "keys" {
                    "/rotate"
                } else {
                    "/password"
                },
                if own == "keys" {
                    Value::Null
                } else {
                    json!({ "password": "q" })
                },
            ),
        ] {
            let found = fixture.send(
                &fixture.operator,
                method,
                &format!("/{own}/{others}{path}"),
                &body,
            );
            let absent = fixture.send(
                &fixture.operator,
                method,
                &format!("/{absent}{path}"),
                &body,
            );
            assert_problem(&found, 404, "not_found");
            assert_same(&found, &absent);
        }
    }
    assert_eq!(fixture.server.status_for(&[basic("ada", "p")]), 200);
    assert_eq!(fixture.whoami(&text(&key, "key")), 200);
    for (method, path) in [
        ("POST", format!("/users/{user}/rotate")),
        ("POST", format!("/keys/{}/password", text(&key, "id"))),
    ] {
        let none = fixture.send(
            &fixture.operator,
            method,
            &path,
            &json!({ "password": "q" }),
        );
        assert_problem(&none, 404, "not_found");
    }
}
