use serde_json::{Value, json};

use super::{Site, assert_problem, text};
use crate::harness::{api_key, bearer};

#[test]
fn an_account_is_made_shown_and_revoked_with_all_of_its_credentials_and_tokens() {
    let site = Site::open();
    let made = site.must(201, "POST", "/accounts", &json!({ "name": "acme" }));
    let account = made.json();
    let id = text(&account, "id");
    let location = format!("/admin/v1/accounts/{id}");
    assert_eq!(made.header("location"), Some(&*location));
    assert_eq!(site.get(&format!("/accounts/{id}")), account);
    let names: Vec<_> = site.get("/accounts")["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|account| text(account, "name"))
        .collect();
    assert_eq!(names, ["default", "acme"]);
    let again = site.ask(
        &site.operator,
        "POST",
        "/accounts",
        &json!({ "name": "acme" }),
    );
    assert_problem(&again, 409, "name_taken");

    let body = json!({ "name": "x", "scopes": ["a"], "account_id": id });
    let key = site.make("/keys", &body);
    assert_eq!(key["account_id"], json!(id));
    assert_eq!(key["environment_id"], Value::Null);
    let key = text(&key, "key");
    let token = site.server.token(&[api_key(&key)]);
    assert_eq!(site.server.status_for(&[bearer(&token)]), 200);

    let revoked = site.post(&format!("/accounts/{id}/revoke"), &json!({}));
    assert_eq!(revoked["status"], "revoked");
    assert_eq!(site.whoami(&key), 401);
    assert_eq!(site.server.status_for(&[bearer(&token)]), 401);
    let late = site.ask(&site.operator, "POST", "/keys", &body);
    assert_problem(&late, 409, "revoked");

    let own = site.get("/accounts")["accounts"][0]["id"].clone();
    let path = format!("/accounts/{}/revoke", own.as_str().unwrap());
    let refused = site.ask(&site.operator, "POST", &path, &Value::Null);
    assert_problem(&refused, 409, "default_account");
    assert_eq!(site.whoami(&site.operator), 200);
}

#[test]
fn an_environment_is_made_listed_and_owns_keys_of_its_account_alone() {
    let site = Site::open();
    let acme = site.tenant("acme", &["countersign:admin"]);
    let body = json!({ "name": "try", "kind": "sandbox", "account_id": acme.account });
    let made = site.make("/environments", &body);
    assert_eq!(
        (&made["kind"], &made["account_id"]),
        (&json!("sandbox"), &json!(acme.account))
    );
    let again = site.ask(&site.operator, "POST", "/environments", &body);
    assert_problem(&again, 409, "name_taken");
    let listed = site
        .ask(&acme.key, "GET", "/environments", &Value::Null)
        .json();
    assert_eq!(listed["environments"], json!([made]));
    assert_eq!(
        site.get("/environments")["environments"]
            .as_array()
            .unwrap()
            .len(),
        2
    );

    let id = text(&made, "id");
    let body = json!({ "name": "x", "scopes": [], "environment_id": id });
    let key = site.ask(&acme.key, "POST", "/keys", &body);
    assert_eq!(
        (key.status, &key.json()["environment_id"]),
        (201, &made["id"])
    );
    // The operator's keys belong to the default account, and this environment does not.
    let foreign = site.ask(&site.operator, "POST", "/keys", &body);
    assert_problem(&foreign, 404, "not_found");
}
