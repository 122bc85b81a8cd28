//! Credentials of other systems.

use serde_json::{Value, json};

use super::{Fixture, assert_problem, text};
use crate::harness::{api_key, basic};

/// The bcrypt hash of `correct horse`, with the lowest cost.
const BCRYPT: &str = "$2b$04$lIMN24HBPDv5AIr65JA.o.7TmwtLQfoxhvueHb0Sdyyt3/kC.TM1m";

#[test]
fn imported_key_is_accepted_until_it_is_revoked_and_cannot_be_imported_twice() {
    let fixture = Fixture::open();
    let printed = fixture
        .home
        .json(&["key", "digest", "--name", "old", "--scopes", "calls:read"]);
    let imported = fixture.expect_status(201, "POST", "/keys/import", &printed["line"]);
    let location = imported.header("location").unwrap().to_owned();
    let id = text(&imported.json(), "id");
    assert_eq!(location, format!("/admin/v1/keys/{id}"));
    let key = text(&printed, "key");
    assert_eq!(fixture.server.status_for(&[api_key(&key)]), 200);
    let again = fixture.send(&fixture.operator, "POST", "/keys/import", &printed["line"]);
    assert_eq!(again.status, 409, "{again:?}");
    fixture.expect_status(200, "POST", &format!("/keys/{id}/revoke"), &Value::Null);
    assert_eq!(fixture.whoami(&key), 401);
}

#[test]
fn imported_user_signs_in_with_the_password_of_the_other_system() {
    let fixture = Fixture::open();
    let user = json!({ "name": "ada", "scopes": ["calls:read"], "password_hash": BCRYPT });
    let imported = fixture
        .expect_status(201, "POST", "/keys/import", &user)
        .json();
    let shown = fixture.get(&format!("/users/{}", text(&imported, "id")));
    assert_eq!(shown["name"], "ada");
    assert_eq!(
        fixture.server.status_for(&[basic("ada", "correct horse")]),
        200
    );
    assert_eq!(fixture.server.status_for(&[basic("ada", "wrong")]), 401);
}

#[test]
fn import_without_exactly_one_digest_or_with_scopes_that_the_caller_lacks_is_rejected() {
    let fixture = Fixture::open();
    let (sha256, hash) = ("5".repeat(64), BCRYPT);
    for body in [
        json!({ "name": "a", "scopes": [] }),
        json!({ "name": "a", "scopes": [], "sha256": sha256, "password_hash": hash }),
        json!({ "name": "a", "scopes": [], "hmac_sha256": sha256 }),
        json!({ "name": "a", "scopes": [], "sha256": "canary" }),
        json!({ "name": "a", "scopes": [], "password_hash": "canary" }),
        json!({ "name": "a", "scopes": [], "password_hash": hash, "allow_from": ["::1"] }),
    ] {
        let rejected = fixture.send(&fixture.operator, "POST", "/keys/import", &body);
        assert_problem(&rejected, 400, "invalid_body");
        assert!(!rejected.body.contains("canary"), "{rejected:?}");
    }
    // Keys are found by their digests in all accounts, so that one account could claim the keys of another.
    let tenant = fixture.tenant("a", &["countersign:admin", "calls:read"]);
    for (body, code) in [
        (
            json!({ "name": "a", "scopes": [], "sha256": sha256 }),
            "default_account_required",
        ),
        (
            json!({ "name": "a", "scopes": ["wallet:read"], "password_hash": hash }),
            "scope_not_held",
        ),
    ] {
        let rejected = fixture.send(&tenant.key, "POST", "/keys/import", &body);
        assert_problem(&rejected, 403, code);
    }
}
