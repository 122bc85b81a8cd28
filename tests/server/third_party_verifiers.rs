//! Third-party libraries in Python and JavaScript verify tokens of the server. `tests/clients` tests third-party
//! clients.

use serde_json::Value;

use crate::harness::{Home, Language, Server, api_key};

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

fn scopes(claim: &Value) -> Vec<&str> {
    let mut scopes: Vec<&str> = claim.as_str().unwrap().split(' ').collect();
    scopes.sort_unstable();
    scopes
}
