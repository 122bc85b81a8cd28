use std::thread;

use serde_json::{Value, json};

use super::{Site, assert_problem, assert_same, text};
use crate::harness::basic;

#[test]
fn a_user_is_made_signs_in_and_is_suspended_activated_revoked_and_deleted() {
    let site = Site::open();
    let body = json!({ "name": "Ada", "password": "a long pass phrase", "scopes": ["a"] });
    let made = site.must(201, "POST", "/users", &body);
    assert!(!made.body.contains("pass phrase"), "{made:?}");
    let id = text(&made.json(), "id");
    let location = format!("/admin/v1/users/{id}");
    assert_eq!(made.header("location"), Some(&*location));
    assert_eq!(made.json()["name"], "ada");
    let presented = [basic("ada", "a long pass phrase")];
    let status = || site.server.status_for(&presented);
    assert_eq!(status(), 200);
    assert_eq!(
        site.get("/users")["users"][0],
        site.get(&format!("/users/{id}"))
    );

    let again = site.ask(&site.operator, "POST", "/users", &body);
    assert_problem(&again, 409, "name_taken");

    let at = |rest: &str| format!("/users/{id}{rest}");
    for (path, expected) in [("/suspend", 401), ("/activate", 200), ("/revoke", 401)] {
        site.post(&at(path), &Value::Null);
        assert_eq!(status(), expected, "{path}");
    }
    site.must(204, "DELETE", &at(""), &Value::Null);
    assert_eq!(status(), 401);
    let (_, log) = site.server.stop();
    assert!(!log.contains("pass phrase"), "{log}");
}

#[test]
fn a_new_password_ends_the_old_one_at_once() {
    let site = Site::open();
    let body = json!({ "name": "ada", "password": "old", "scopes": ["a"] });
    let id = text(&site.make("/users", &body), "id");
    assert_eq!(site.server.status_for(&[basic("ada", "old")]), 200);
    let changed = site.post(
        &format!("/users/{id}/password"),
        &json!({ "password": "new" }),
    );
    assert_eq!(changed["generation"], 2);
    assert_eq!(site.server.status_for(&[basic("ada", "old")]), 401);
    assert_eq!(site.server.status_for(&[basic("ada", "new")]), 200);
    let long = "p".repeat(1025);
    let path = format!("/users/{id}/password");
    let refused = site.ask(&site.operator, "POST", &path, &json!({ "password": long }));
    assert_problem(&refused, 400, "invalid_password");
}

#[test]
fn an_account_that_sets_many_passwords_at_once_is_told_to_come_back_and_nothing_of_it_is_done() {
    let site = Site::open();
    let tenant = site.tenant("busy", &["countersign:admin"]);
    let body = json!({ "name": "ada", "password": "p", "scopes": [] });
    let made = site.ask(&tenant.key, "POST", "/users", &body).json();
    let path = format!("/users/{}", text(&made, "id"));
    let set = || {
        let (path, body) = (format!("{path}/password"), json!({ "password": "p" }));
        site.ask(&tenant.key, "POST", &path, &body)
    };
    let answers: Vec<_> = thread::scope(|scope| {
        let asked: Vec<_> = (0..100).map(|_| scope.spawn(set)).collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|one| one.status == 200);
    assert!(done.len() >= 4 && !refused.is_empty(), "{}", done.len());
    for refused in refused {
        assert_problem(refused, 503, "busy");
        assert_eq!(refused.header("retry-after"), Some("1"), "{refused:?}");
    }
    assert_eq!(site.get(&path)["generation"], 1 + done.len());
    assert_eq!(set().status, 200, "when there is room again");
}

#[test]
fn the_id_of_a_user_is_no_keys_and_the_other_way_round() {
    let site = Site::open();
    let body = json!({ "name": "ada", "password": "p", "scopes": ["a"] });
    let user = text(&site.make("/users", &body), "id");
    let key = site.key(&["a"]);
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
            let found = site.ask(
                &site.operator,
                method,
                &format!("/{own}/{others}{path}"),
                &body,
            );
            let absent = site.ask(&site.operator, method, &format!("/{absent}{path}"), &body);
            assert_problem(&found, 404, "not_found");
            assert_same(&found, &absent);
        }
    }
    assert_eq!(site.server.status_for(&[basic("ada", "p")]), 200);
    assert_eq!(site.whoami(&text(&key, "key")), 200);
    for (method, path) in [
        ("POST", format!("/users/{user}/rotate")),
        ("POST", format!("/keys/{}/password", text(&key, "id"))),
    ] {
        let none = site.ask(&site.operator, method, &path, &json!({ "password": "q" }));
        assert_problem(&none, 404, "not_found");
    }
}
