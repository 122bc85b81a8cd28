//! `[trust.NAME]`: external issuers.

use countersign::testing::{Flaw, Provider, TestIssuer, TestProvider};
use countersign::time::SystemClock;
use serde_json::json;

use crate::harness::{Home, Server, bearer};

/// Starts a server that trusts an issuer, with these lines in its section.
fn start(home: &Home, issuer: &TestIssuer, lines: &str) -> Server {
    let config = home.configure(&format!(
        "[trust.staff]\nissuer = \"{}\"\naudience = \"{}\"\n{lines}\n",
        issuer.url(),
        TestIssuer::AUDIENCE,
    ));
    Server::start(home, &["--config", &config])
}

#[test]
fn token_of_an_external_issuer_is_accepted_at_whoami_and_nowhere_else() {
    let (home, issuer) = (Home::new(), TestIssuer::start(SystemClock).unwrap());
    let server = start(
        &home,
        &issuer,
        "scopes_from = [[\"realm_access\", \"roles\"]]",
    );
    let roles = json!({ "roles": ["calls:read"] });
    let token = issuer.token().subject("bob").claim("realm_access", roles);
    let headers = [bearer(&token.sign().unwrap())];
    let shown = server.get("/whoami", &headers);
    assert_eq!(shown.status, 200, "{shown:?}");
    let shown = shown.json();
    assert_eq!(shown["subject"], "bob");
    assert_eq!(shown["issuer"], issuer.url());
    assert_eq!(shown["scopes"], json!(["calls:read"]));
    assert_eq!(shown["account_id"], json!(null));
    for flaw in Flaw::ALL {
        let flawed = issuer.flawed(*flaw).unwrap();
        assert_eq!(server.status_for(&[bearer(&flawed)]), 401, "{flaw:?}");
    }
    // A bearer token never mints another, whichever issuer it is of.
    assert_eq!(server.mint(&headers).status, 403);
    for path in ["/admin/v1/keys", "/api/v1/api_token", "/auth/sessions"] {
        let status = server.get(path, &headers).status;
        assert!(matches!(status, 401 | 403), "{path}: {status}");
    }
}

#[test]
fn external_issuer_that_cannot_be_trusted_is_an_error_that_names_its_section() {
    let home = Home::new();
    for (lines, part) in [
        ("issuer = \"http://login.example\"", "[trust.staff]: "),
        ("issuer = \"https://login.example/{tenantid}\"", "tenants"),
        ("trust_domain = \"Acme\"", "trust domain"),
    ] {
        let config = home.configure(&format!("[trust.staff]\naudience = \"a\"\n{lines}\n"));
        let output = home
            .command(&["serve", "--listen", "127.0.0.1:0", "--config", &config])
            .output()
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(
            errors.contains("[trust.staff]") && errors.contains(part),
            "{errors}"
        );
    }
}

#[test]
fn tokens_of_keycloak_and_entra_are_accepted_at_whoami_and_no_token_endpoint_mints_for_them() {
    for (provider, option, scope) in [
        (
            Provider::Keycloak,
            "scopes_from = [[\"realm_access\", \"roles\"]]",
            "admin",
        ),
        (Provider::EntraV2, "scopes_from = [\"roles\"]", "Task.Read"),
    ] {
        let (home, provider) = (
            Home::new(),
            TestProvider::start(provider, SystemClock).unwrap(),
        );
        let config = home.configure(&format!(
            "[trust.provider]\nissuer = {:?}\naudience = {:?}\n{option}\n",
            provider.url(),
            provider.audience(),
        ));
        let server = Server::start(&home, &["--config", &config]);
        let headers = [bearer(&provider.token().sign().unwrap())];
        let shown = server.get("/whoami", &headers);
        assert_eq!(shown.status, 200, "{shown:?}");
        let scopes = shown.json()["scopes"].to_string();
        assert!(scopes.contains(scope), "{scopes}");
        for path in [
            "/auth/token",
            "/v1/auth/token",
            "/generate-token",
            "/auth/login",
            "/api/v1/api_token",
        ] {
            let response = server.send("POST", path, &headers, "{}");
            assert!(
                (400..=403).contains(&response.status),
                "{path}: {response:?}"
            );
            assert!(!response.body.contains("eyJ"), "{path}: {response:?}");
        }
        let response = server.mint(&headers);
        assert_eq!(response.status, 403, "{response:?}");
    }
}
