//! `/forward-auth` and `/ext-authz`, which gateways ask. `tests/gateways` runs gateways.

use std::slice;

use countersign::testing::{Flaw, TestIssuer};
use countersign::time::SystemClock;
use serde_json::json;

use crate::harness::{Header, Home, Response, Server, api_key, basic, bearer, wait_for};

const RULES: &str = "[[gateway.rules]]\npath = \"/calls/**\"\nscopes = [\"calls:read\"]\n\
                     [[gateway.rules]]\npath = \"/keys\"\nprimary = true\n\
                     [[gateway.rules]]\npath = \"/about\"\nallow = \"public\"\n";

/// Starts a server with the rules, to which this address is a gateway.
fn start(home: &Home, gateway: &str, further: &str) -> Server {
    let config = home.configure(&format!(
        "[server]\ntrusted_proxies = [\"{gateway}\"]\n{RULES}{further}"
    ));
    Server::start(home, &["--config", &config])
}

/// Asks about `GET` and this path.
fn ask(server: &Server, path: &str, headers: &[Header]) -> Response {
    let original = [
        ("x-forwarded-method", "GET".to_owned()),
        ("x-forwarded-uri", path.to_owned()),
    ];
    let answer = server.get("/forward-auth", &[&original[..], headers].concat());
    let for_envoy = server.get(&format!("/ext-authz{path}"), headers);
    assert_eq!(answer.status, for_envoy.status, "{answer:?} {for_envoy:?}");
    assert_eq!(
        answer.header("cache-control"),
        Some("no-store"),
        "{answer:?}"
    );
    answer
}

#[test]
fn gateway_learns_the_identity_of_keys_users_and_tokens() {
    let home = Home::new();
    let server = start(&home, "127.0.0.1", "");
    let key = server.create_key(&home, "calls:*");
    let account = server.get("/whoami", &[api_key(&key.key)]).json()["account_id"].clone();
    let token = server.token(&[api_key(&key.key)]);
    for (credentials, scheme) in [
        (api_key(&key.key), "api_key"),
        (basic(&key.id, &key.secret), "basic"),
        (bearer(&token), "bearer"),
    ] {
        let answer = ask(&server, "/calls/7?x=1", slice::from_ref(&credentials));
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.body, "");
        assert_eq!(answer.header("countersign-subject"), Some(&*key.id));
        assert_eq!(answer.header("countersign-credential"), Some(&*key.id));
        assert_eq!(answer.header("countersign-account"), account.as_str());
        assert_eq!(answer.header("countersign-scopes"), Some("calls:*"));
        assert_eq!(answer.header("countersign-scheme"), Some(scheme));
        assert_eq!(
            answer.header("countersign-issuer").is_some(),
            scheme == "bearer"
        );
        let expected = if scheme == "bearer" { 403 } else { 200 };
        assert_eq!(ask(&server, "/keys", &[credentials]).status, expected);
    }
    let anonymous = ask(&server, "/about", &[]);
    assert_eq!(anonymous.status, 200);
    assert_eq!(anonymous.header("countersign-scheme"), None);
    assert_eq!(ask(&server, "/other", &[bearer(&token)]).status, 403);

    home.run(&["key", "revoke", &key.id]);
    let patience = std::time::Duration::from_secs(10);
    wait_for("the revocation", patience, || {
        (server.status_for(&[bearer(&token)]) == 401).then_some(())
    });
    let rejected = ask(&server, "/calls", &[bearer(&token)]);
    assert_eq!(rejected.status, 401, "{rejected:?}");
    let challenge = rejected.header("www-authenticate").unwrap();
    assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    assert_eq!(ask(&server, "/about", &[bearer(&token)]).status, 401);
}

#[test]
fn rejection_tells_the_client_what_to_do() {
    let home = Home::new();
    let server = start(&home, "127.0.0.1", "");
    let key = server.create_key(&home, "wallet:read");
    let token = server.token(&[api_key(&key.key)]);
    let missing = ask(&server, "/calls", &[]);
    assert_eq!(missing.status, 401);
    let challenge = missing.header("www-authenticate").unwrap();
    for scheme in ["Bearer realm=", "ApiKey realm=", "Basic realm="] {
        assert!(challenge.contains(scheme), "{challenge}");
    }
    let insufficient = ask(&server, "/calls", &[bearer(&token)]);
    assert_eq!(insufficient.status, 403);
    let challenge = insufficient.header("www-authenticate").unwrap();
    assert!(challenge.contains("scope=\"calls:read\""), "{challenge}");
    assert_eq!(insufficient.json()["status"], 403);
    let several = ask(&server, "/calls", &[bearer(&token), api_key(&key.key)]);
    assert_eq!(several.status, 400);
}

#[test]
fn tokens_of_external_issuers_are_accepted_and_flawed_ones_are_not() {
    let (home, issuer) = (Home::new(), TestIssuer::start(SystemClock).unwrap());
    let trust = format!(
        "[trust.staff]\nissuer = \"{}\"\naudience = \"{}\"\n[[gateway.rules]]\npath = \"/staff\"\nissuer = \"{0}\"\n",
        issuer.url(),
        TestIssuer::AUDIENCE,
    );
    let server = start(&home, "127.0.0.1", &trust);
    let key = server.create_key(&home, "*");
    let token = issuer
        .token()
        .subject("bøb")
        .claim("scope", json!("calls:read"));
    let token = bearer(&token.sign().unwrap());
    let answer = ask(&server, "/calls", slice::from_ref(&token));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("countersign-subject"), Some("b%C3%B8b"));
    assert_eq!(answer.header("countersign-issuer"), Some(issuer.url()));
    assert_eq!(answer.header("countersign-account"), None);
    assert_eq!(ask(&server, "/staff", &[token]).status, 200);
    let own = bearer(&server.token(&[api_key(&key.key)]));
    assert_eq!(ask(&server, "/staff", &[own]).status, 403);
    for flaw in Flaw::ALL {
        let flawed = bearer(&issuer.flawed(*flaw).unwrap());
        assert_eq!(ask(&server, "/calls", &[flawed]).status, 401, "{flaw:?}");
    }
}

#[test]
fn peer_that_is_no_trusted_proxy_is_told_nothing() {
    let home = Home::new();
    let server = start(&home, "192.0.2.1", "");
    let key = server.create_key(&home, "*");
    for path in ["/calls", "/about", "/other"] {
        assert_eq!(
            ask(&server, path, &[api_key(&key.key)]).status,
            403,
            "{path}"
        );
        assert_eq!(ask(&server, path, &[]).status, 403, "{path}");
    }
}

#[test]
fn endpoints_for_gateways_exist_only_with_rules() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    for path in ["/forward-auth", "/ext-authz/calls"] {
        assert_eq!(server.get(path, &[]).status, 404, "{path}");
    }
    let home = Home::new();
    let server = start(&home, "127.0.0.1", "");
    let document = server.get("/openapi.json", &[]).json();
    assert!(document["paths"]["/forward-auth"]["get"].is_object());
}
