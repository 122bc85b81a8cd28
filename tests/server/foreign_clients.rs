//! Programs in Python and JavaScript that know the standards and nothing of this project.

use serde_json::{Value, json};

use crate::harness::{Home, IssuedKey, Language, Server, api_key};

#[test]
fn a_minted_token_verifies_with_joserfc_and_jose_through_the_key_set_url() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "calls:read wallet:*");
    let token = server.token(&[api_key(&key.key)]);

    let issuer = server.url();
    let keys = format!("{issuer}/.well-known/jwks.json");
    for language in Language::ALL {
        let claims = language.json("verify", &[&keys, &issuer, &issuer], &token);
        assert_eq!(claims["iss"], issuer, "{language:?}");
        assert_eq!(claims["sub"], key.id, "{language:?}");
        assert_eq!(claims["client_id"], key.id, "{language:?}");
        assert_eq!(scopes(&claims["scope"]), ["calls:read", "wallet:*"]);
        let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert_eq!(lifetime, 3600, "{language:?}");
    }
}

#[test]
fn authlib_gets_and_uses_a_token_with_either_client_authentication() {
    gets_and_uses_a_token(Language::Python);
}

#[test]
fn oauth4webapi_gets_and_uses_a_token_with_either_client_authentication() {
    gets_and_uses_a_token(Language::JavaScript);
}

fn gets_and_uses_a_token(language: Language) {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "calls:read wallet:*");
    let client = json!({"id": key.id, "secret": key.secret}).to_string();

    for method in ["client_secret_basic", "client_secret_post"] {
        let seen = language.json("oauth", &[&server.url(), method, "calls:read"], &client);
        check(&seen, &key, &server.url());
    }
}

#[track_caller]
fn check(seen: &Value, key: &IssuedKey, issuer: &str) {
    let (token, whoami) = (&seen["token"], &seen["whoami"]);
    assert!(
        token["token_type"]
            .as_str()
            .unwrap()
            .eq_ignore_ascii_case("bearer"),
        "{seen}"
    );
    assert_eq!(token["expires_in"], 3600, "{seen}");
    assert_eq!(whoami["subject"], key.id, "{seen}");
    assert_eq!(whoami["credential_id"], key.id, "{seen}");
    assert_eq!(whoami["scheme"], "bearer", "{seen}");
    assert_eq!(whoami["issuer"], issuer, "{seen}");
    assert_eq!(whoami["scopes"], json!(["calls:read"]), "{seen}");
}

fn scopes(claim: &Value) -> Vec<&str> {
    let mut scopes: Vec<&str> = claim.as_str().unwrap().split(' ').collect();
    scopes.sort_unstable();
    scopes
}
