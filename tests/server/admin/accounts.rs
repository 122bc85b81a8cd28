//! Accounts and environments.

use serde_json::{Value, json};

use super::{Fixture, assert_problem, text};
use crate::harness::{api_key, bearer};

#[test]
fn an_account_is_created_shown_and_revoked_with_its_credentials_and_tokens() {
    let fixture = Fixture::open();
    let created = fixture.expect_status(201, "POST", "/accounts", &json!({ "name": "acme" }));
    let account = created.json();
    let id = text(&account, "id");
    let location = format!("/admin/v1/accounts/{id}");
    assert_eq!(created.header("location"), Some(&*location));
    assert_eq!(fixture.get(&format!("/accounts/{id}")), account);
    let names: Vec<_> = fixture.get("/accounts")["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|account| text(account, "name"))
        .collect();
    assert_eq!(names, ["default", "acme"]);
    let again = fixture.send(
        &fixture.operator,
        "POST",
        "/accounts",
        &json!({ "name": "acme" }),
    );
    assert_problem(&again, 409, "name_taken");

    let body = json!({ "name": "x", "scopes": ["a"], "account_id": id });
    let key = fixture.create("/keys", &body);
    assert_eq!(key["account_id"], json!(id));
    assert_eq!(key["environment_id"], Value::Null);
    let key = text(&key, "key");
    let token = fixture.server.token(&[api_key(&key)]);
    assert_eq!(fixture.server.status_for(&[bearer(&token)]), 200);

    let revoked = fixture.post(&format!("/accounts/{id}/revoke"), &json!({}));
    assert_eq!(revoked["status"], "revoked");
    assert_eq!(fixture.whoami(&key), 401);
    assert_eq!(fixture.server.status_for(&[bearer(&token)]), 401);
    let late = fixture.send(&fixture.operator, "POST", "/keys", &body);
    assert_problem(&late, 409, "revoked");

    let own = fixture.get("/accounts")["accounts"][0]["id"].clone();
    let path = format!("/accounts/{}/revoke", own.as_str().unwrap());
    let rejected = fixture.send(&fixture.operator, "POST", &path, &Value::Null);
    assert_problem(&rejected, 409, "default_account");
    assert_eq!(fixture.whoami(&fixture.operator), 200);
}

#[test]
fn an_environment_is_created_listed_and_owns_only_keys_of_its_account() {
    let fixture = Fixture::open();
    let acme = fixture.tenant("acme", &["countersign:admin"]);
    let body = json!({ "name": "try", "kind": "sandbox", "account_id": acme.account });
    let created = fixture.create("/environments", &body);
    assert_eq!(
        (&created["kind"], &created["account_id"]),
        (&json!("sandbox"), &json!(acme.account))
    );
    let again = fixture.send(&fixture.operator, "POST", "/environments", &body);
    assert_problem(&again, 409, "name_taken");
    let listed = fixture
        .send(&acme.key, "GET", "/environments", &Value::Null)
        .json();
    assert_eq!(listed["environments"], json!([created]));
    assert_eq!(
        fixture.get("/environments")["environments"]
            .as_array()
            .unwrap()
            .len(),
        2
    );

    let id = text(&created, "id");
    let body = json!({ "name": "x", "scopes": [], "environment_id": id });
    let key = fixture.send(&acme.key, "POST", "/keys", &body);
    assert_eq!(
        (key.status, &key.json()["environment_id"]),
        (201, &created["id"])
    );
    // The operator creates keys in the default account, to which this environment does not belong.
    let other = fixture.send(&fixture.operator, "POST", "/keys", &body);
    assert_problem(&other, 404, "not_found");
}

#[test]
fn accounts_and_environments_are_listed_in_pages() {
    let fixture = Fixture::open();
    for (collection, member) in [("accounts", "name"), ("environments", "kind")] {
        let path = format!("/{collection}");
        for name in ["b", "c"] {
            let new = match member {
                "name" => json!({ "name": name }),
                _ => json!({ "name": name, "kind": "sandbox" }),
            };
            fixture.create(&path, &new);
        }
        let all = fixture.get(&path);
        assert_eq!(all["next"], Value::Null);
        let all = all[collection].as_array().unwrap();
        assert_eq!(all.len(), 3);
        let mut found = Vec::new();
        let mut next = format!("{path}?limit=2");
        for rest in [2, 1] {
            let page = fixture.get(&next);
            let items = page[collection].as_array().unwrap();
            assert_eq!(items.len(), rest);
            found.extend(items.clone());
            next = format!(
                "{path}?limit=2&after={}",
                page["next"].as_str().unwrap_or_default()
            );
            assert_eq!(page["next"].is_null(), rest == 1);
        }
        assert_eq!(&found, all);
        for query in ["limit=0", "limit=1001", "after=x", "created_by=x"] {
            let path = format!("{path}?{query}");
            let rejected = fixture.send(&fixture.operator, "GET", &path, &Value::Null);
            assert_eq!(rejected.status, 400, "{path}");
        }
    }
}
