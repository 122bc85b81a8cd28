//! Administrators of different accounts.

use serde_json::{Value, json};

use super::{Fixture, Tenant, assert_problem, assert_same, text};
use crate::harness::{api_key, basic, bearer};

const ABSENT: &str = "013xrzp12g3nqk8ngskn1wtxgka5b0nf";

/// Two tenants with one administrator each; the first has a key, a user and an environment.
struct TwoTenants {
    fixture: Fixture,
    a: Tenant,
    b: Tenant,
    key: Value,
    user: String,
    environment: String,
}

impl TwoTenants {
    fn open() -> Self {
        let fixture = Fixture::open();
        let a = fixture.tenant("a", &["*"]);
        let b = fixture.tenant("b", &["*"]);
        let create = |path: &str, body: &Value| {
            let created = fixture.send(&a.key, "POST", path, body);
            assert_eq!(created.status, 201, "{created:?}");
            created.json()
        };
        let key = create("/keys", &json!({ "name": "a's", "scopes": ["a"] }));
        let user = json!({ "name": "ada", "password": "p", "scopes": ["a"] });
        let user = text(&create("/users", &user), "id");
        let environment = json!({ "name": "try", "kind": "sandbox" });
        let environment = text(&create("/environments", &environment), "id");
        Self {
            fixture,
            a,
            b,
            key,
            user,
            environment,
        }
    }
}

#[test]
fn resources_of_another_account_are_not_found() {
    let TwoTenants {
        fixture,
        a,
        b,
        key,
        user,
        environment,
    } = TwoTenants::open();
    let key_id = text(&key, "id");
    let own = json!({ "name": "x", "scopes": [] });
    let with = |name: &str, id: &str| {
        let mut body = own.clone();
        body[name] = json!(id);
        body
    };
    let user_with =
        |id: &str| json!({ "name": "eve", "password": "p", "scopes": [], "account_id": id });
    let environment_with = |id: &str| json!({ "name": "x", "kind": "sandbox", "account_id": id });
    let nothing = |_: &str| Value::Null;
    let scopes = |_: &str| json!({ "scopes": ["a"] });
    let password = |_: &str| json!({ "password": "q" });
    type Body<'a> = &'a dyn Fn(&str) -> Value;
    let in_account: Body<'_> = &|id| with("account_id", id);
    let in_environment: Body<'_> = &|id| with("environment_id", id);
    let requests: [(&str, &str, &str, Body<'_>); 21] = [
        ("GET", "/keys/ID", &key_id, &nothing),
        ("DELETE", "/keys/ID", &key_id, &nothing),
        ("POST", "/keys/ID/suspend", &key_id, &nothing),
        ("POST", "/keys/ID/activate", &key_id, &nothing),
        ("POST", "/keys/ID/revoke", &key_id, &nothing),
        ("POST", "/keys/ID/rotate", &key_id, &nothing),
        ("PUT", "/keys/ID/scopes", &key_id, &scopes),
        ("GET", "/keys/ID/sessions", &key_id, &nothing),
        ("DELETE", "/keys/ID/sessions/a", &key_id, &nothing),
        ("GET", "/users/ID/sessions", &user, &nothing),
        ("GET", "/users/ID", &user, &nothing),
        ("DELETE", "/users/ID", &user, &nothing),
        ("POST", "/users/ID/suspend", &user, &nothing),
        ("POST", "/users/ID/revoke", &user, &nothing),
        ("POST", "/users/ID/password", &user, &password),
        ("GET", "/accounts/ID", &a.account, &nothing),
        ("POST", "/accounts/ID/revoke", &a.account, &nothing),
        ("POST", "/keys", &a.account, in_account),
        ("POST", "/keys", &environment, in_environment),
        ("POST", "/users", &a.account, &user_with),
        ("POST", "/environments", &a.account, &environment_with),
    ];
    for (method, path, id, body) in requests {
        let send = |id: &str| fixture.send(&b.key, method, &path.replace("ID", id), &body(id));
        let (other, absent) = (send(id), send(ABSENT));
        assert_problem(&other, 404, "not_found");
        assert_same(&other, &absent);
    }
    // Nothing was changed.
    assert_eq!(fixture.whoami(&text(&key, "key")), 200);
    assert_eq!(fixture.server.status_for(&[basic("ada", "p")]), 200);
    let details = fixture.send(&a.key, "GET", &format!("/keys/{key_id}"), &Value::Null);
    assert_eq!(details.json()["generation"], 1);
    assert_eq!(
        fixture.get("/environments")["environments"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn lists_and_cursors_have_no_resources_of_another_account() {
    let TwoTenants {
        fixture, a, b, key, ..
    } = TwoTenants::open();
    let names = |tenant: &Tenant, path: &str, list: &str| -> Vec<String> {
        let listed = fixture.send(&tenant.key, "GET", path, &Value::Null).json();
        let listed = listed[list].as_array().unwrap().clone();
        listed.iter().map(|one| text(one, "name")).collect()
    };
    assert_eq!(names(&a, "/keys", "keys"), ["admin", "a's"]);
    assert_eq!(names(&b, "/keys", "keys"), ["admin"]);
    assert_eq!(names(&b, "/users", "users"), [""; 0]);
    assert_eq!(names(&b, "/accounts", "accounts"), ["b"]);
    assert_eq!(names(&b, "/environments", "environments"), [""; 0]);
    let from_other = format!("/keys?after={}", a.id);
    assert_eq!(names(&b, &from_other, "keys"), ["admin"]);

    let audit = fixture.send(&b.key, "GET", "/audit", &Value::Null).json();
    let records = audit["records"].as_array().unwrap();
    assert!(!records.is_empty());
    for record in records {
        assert_eq!(record["account_id"], json!(b.account), "{record}");
    }
    let id = text(&key, "id");
    assert!(!audit.to_string().contains(&id), "{audit}");
    assert!(fixture.get("/audit").to_string().contains(&id));
}

#[test]
fn server_wide_operations_require_the_default_account() {
    let TwoTenants { fixture, b, .. } = TwoTenants::open();
    let account = format!("/accounts/{}", b.account);
    let revoke = format!("{account}/revoke");
    for (method, path, body) in [
        ("POST", "/accounts", json!({ "name": "c" })),
        ("POST", &*revoke, Value::Null),
        ("GET", "/signing-keys", Value::Null),
        ("POST", "/signing-keys/rotate", Value::Null),
        ("POST", "/signing-keys/x/revoke", Value::Null),
        ("GET", "/audit/verify", Value::Null),
    ] {
        let rejected = fixture.send(&b.key, method, path, &body);
        assert_problem(&rejected, 403, "default_account_required");
    }
    assert_eq!(
        fixture.send(&b.key, "GET", &account, &Value::Null).status,
        200
    );
    assert_eq!(
        fixture.get("/accounts")["accounts"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    assert_eq!(
        fixture.get("/signing-keys")["signing_keys"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn an_administrator_of_a_tenant_manages_its_own_account() {
    let TwoTenants {
        fixture,
        a,
        key,
        user,
        ..
    } = TwoTenants::open();
    let id = text(&key, "id");
    assert_eq!(key["account_id"], json!(a.account));
    let token = fixture.server.token(&[api_key(&text(&key, "key"))]);
    for (method, path, body, status) in [
        (
            "POST",
            format!("/users/{user}/password"),
            json!({ "password": "q" }),
            200,
        ),
        (
            "POST",
            format!("/keys/{id}/rotate"),
            json!({ "compromised": true }),
            200,
        ),
        ("POST", format!("/keys/{id}/revoke"), Value::Null, 200),
        ("DELETE", format!("/keys/{id}"), Value::Null, 204),
    ] {
        assert_eq!(
            fixture.send(&a.key, method, &path, &body).status,
            status,
            "{path}"
        );
    }
    assert_eq!(fixture.server.status_for(&[bearer(&token)]), 401);
    assert_eq!(fixture.server.status_for(&[basic("ada", "q")]), 200);
    // The operator can manage every account.
    let found = fixture.get(&format!("/users/{user}"));
    assert_eq!(found["account_id"], json!(a.account));
}
