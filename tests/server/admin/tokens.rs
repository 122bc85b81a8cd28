use serde_json::json;

use super::{Site, assert_problem, text};
use crate::harness::{api_key, bearer};

#[test]
fn one_token_is_revoked_at_once_and_its_siblings_live() {
    let site = Site::open();
    let key = text(&site.key(&["a"]), "key");
    let [doomed, spared] = [(); 2].map(|()| site.server.token(&[api_key(&key)]));
    let body = json!({ "token": doomed });
    for _ in 0..2 {
        let revoked = site.must(204, "POST", "/tokens/revoke", &body);
        assert_eq!(revoked.body, "");
        assert_eq!(site.server.status_for(&[bearer(&doomed)]), 401);
    }
    assert_eq!(site.server.status_for(&[bearer(&spared)]), 200);
    assert_eq!(site.whoami(&key), 200);
    let audit = site.get("/audit?limit=1");
    assert_eq!(audit["records"][0]["action"], "token.revoke");
    assert!(!audit.to_string().contains(&doomed));
}

#[test]
fn a_token_of_another_account_or_of_nobody_is_not_revoked() {
    let site = Site::open();
    let a = site.tenant("a", &["*"]);
    let b = site.tenant("b", &["*"]);
    let token = site.server.token(&[api_key(&a.key)]);
    let revoke = |key: &str, token: &str| {
        site.ask(key, "POST", "/tokens/revoke", &json!({ "token": token }))
    };
    assert_problem(&revoke(&b.key, &token), 404, "not_found");
    assert_eq!(site.server.status_for(&[bearer(&token)]), 200);

    let (signed, signature) = token.rsplit_once('.').unwrap();
    let flipped: String = signature.chars().rev().collect();
    for garbage in [
        format!("{signed}.{flipped}"),
        signed.to_owned(),
        String::new(),
        a.key.clone(),
    ] {
        let refused = revoke(&a.key, &garbage);
        assert_problem(&refused, 400, "invalid_token");
        assert!(!refused.body.contains(signed), "{refused:?}");
    }
    assert_eq!(revoke(&a.key, &token).status, 204);
    assert_eq!(site.server.status_for(&[bearer(&token)]), 401);
    // The operator reaches into every account.
    let token = site.server.token(&[api_key(&b.key)]);
    assert_eq!(revoke(&site.operator, &token).status, 204);
    assert_eq!(site.server.status_for(&[bearer(&token)]), 401);
}
