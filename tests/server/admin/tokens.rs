//! Revocation of tokens.

use serde_json::json;

use super::{Fixture, assert_problem, text};
use crate::harness::{api_key, bearer};

#[test]
fn one_token_is_revoked_at_once_and_others_of_its_key_are_not() {
    let fixture = Fixture::open();
    let key = text(&fixture.key(&["a"]), "key");
    let [revoked_token, other_token] = [(); 2].map(|()| fixture.server.token(&[api_key(&key)]));
    let body = json!({ "token": revoked_token });
    for _ in 0..2 {
        let revoked = fixture.expect_status(204, "POST", "/tokens/revoke", &body);
        assert_eq!(revoked.body, "");
        assert_eq!(fixture.server.status_for(&[bearer(&revoked_token)]), 401);
    }
    assert_eq!(fixture.server.status_for(&[bearer(&other_token)]), 200);
    assert_eq!(fixture.whoami(&key), 200);
    let audit = fixture.get("/audit?limit=1");
    assert_eq!(audit["records"][0]["action"], "token.revoke");
    assert!(!audit.to_string().contains(&revoked_token));
}

#[test]
fn a_token_of_another_account_or_a_forged_one_is_not_revoked() {
    let fixture = Fixture::open();
    let a = fixture.tenant("a", &["*"]);
    let b = fixture.tenant("b", &["*"]);
    let token = fixture.server.token(&[api_key(&a.key)]);
    let revoke = |key: &str, token: &str| {
        fixture.send(key, "POST", "/tokens/revoke", &json!({ "token": token }))
    };
    assert_problem(&revoke(&b.key, &token), 404, "not_found");
    assert_eq!(fixture.server.status_for(&[bearer(&token)]), 200);

    let (signed, signature) = token.rsplit_once('.').unwrap();
    let flipped: String = signature.chars().rev().collect();
    for garbage in [
        format!("{signed}.{flipped}"),
        signed.to_owned(),
        String::new(),
        a.key.clone(),
    ] {
        let rejected = revoke(&a.key, &garbage);
        assert_problem(&rejected, 400, "invalid_token");
        assert!(!rejected.body.contains(signed), "{rejected:?}");
    }
    assert_eq!(revoke(&a.key, &token).status, 204);
    assert_eq!(fixture.server.status_for(&[bearer(&token)]), 401);
    // The operator can manage every account.
    let token = fixture.server.token(&[api_key(&b.key)]);
    assert_eq!(revoke(&fixture.operator, &token).status, 204);
    assert_eq!(fixture.server.status_for(&[bearer(&token)]), 401);
}
