//! `[trust.NAME]`: external issuers.

use countersign::testing::{Flaw, Provider, TestIssuer, TestProvider, TestToken};
use countersign::time::{Clock as _, SystemClock};
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
        (
            "issuer = \"https://login.example\"\nca_file = \"/no/such/ca.pem\"",
            "/no/such/ca.pem",
        ),
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

/// A setting, the lines without it, a token, and the subject or the status with the setting and without it.
struct Setting {
    provider: TestProvider,
    set: String,
    unset: String,
    token: TestToken,
    expected: (&'static str, &'static str),
}

fn setting(
    provider: Provider,
    set: &str,
    unset: &str,
    expected: (&'static str, &'static str),
    change: impl FnOnce(TestToken) -> TestToken,
) -> Setting {
    let provider = TestProvider::start(provider, SystemClock).unwrap();
    let issuer = format!("issuer = {:?}\n", provider.url());
    let lines = |lines: &str| match lines.contains("trust_domain") {
        true => format!("{lines}\njwks_url = {:?}", provider.jwks_url()),
        false => format!("{issuer}{lines}"),
    };
    let (set, unset) = (lines(set), lines(unset));
    let token = change(provider.token());
    Setting {
        provider,
        set,
        unset,
        token,
        expected,
    }
}

#[test]
fn each_setting_of_an_external_issuer_takes_effect() {
    let home = Home::new();
    let bearer_file = home.path().join("bearer");
    std::fs::write(&bearer_file, "token").unwrap();
    let bearer_file = format!("fetch_token_file = {:?}", bearer_file.to_str().unwrap());
    // The server is built here if it is not yet, so that no token expires meanwhile.
    home.bare_command(&["--version"]).output().unwrap();
    let now = SystemClock.now().unix_seconds();
    let settings = [
        setting(
            Provider::CognitoAccess,
            "audience_claim = \"client_id\"",
            "",
            ("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "401"),
            |token| token,
        ),
        setting(
            Provider::EntraV2,
            "subject_claim = \"oid\"",
            "",
            (
                "690222be-ff1a-4d56-abd1-7e4f7d38e474",
                "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
            ),
            |token| token,
        ),
        setting(
            Provider::EntraMultiTenant,
            "tenants = [\"other\", \"9188040d-6c67-4c5b-b112-36a304b66dad\"]",
            "tenants = [\"other\"]",
            ("690222be-ff1a-4d56-abd1-7e4f7d38e474", "401"),
            |token| token,
        ),
        setting(
            Provider::Countersign,
            "scope_patterns = true",
            "scope_patterns = false",
            ("013xrzp12g3nqk8ngskn1wtxgka5b0ng", "403"),
            |token| token,
        ),
        setting(
            Provider::Spiffe,
            "trust_domain = \"acme.example\"",
            "trust_domain = \"other.example\"",
            ("spiffe://acme.example/billing/worker", "401"),
            |token| token.scope("calls:read"),
        ),
        setting(
            Provider::Kubernetes,
            "max_lifetime = \"366d\"",
            "",
            ("system:serviceaccount:payments:web", "401"),
            |token| token,
        ),
        setting(
            Provider::Okta,
            "max_token_size = \"12KiB\"",
            "",
            ("ada@example.com", "401"),
            |token| token.claim("groups", "g".repeat(7000)),
        ),
        setting(
            Provider::Okta,
            "types = [\"acme+jwt\"]",
            "",
            ("ada@example.com", "401"),
            |token| token.header("typ", "acme+jwt"),
        ),
        setting(
            Provider::Okta,
            "leeway = \"5m\"",
            "",
            ("ada@example.com", "401"),
            |token| token.claim("iat", now - 400).claim("exp", now - 40),
        ),
        setting(
            Provider::Okta,
            &bearer_file,
            "fetch_token_file = \"/no/such/bearer\"",
            ("ada@example.com", "503"),
            |token| token,
        ),
    ];
    for is_set in [true, false] {
        let mut config =
            "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n[[gateway.rules]]\npath = \"/calls\"\n\
                          scopes = [\"calls:read\"]\n[[gateway.rules]]\npath = \"/any\"\n\
                          allow = \"authenticated\"\n"
                .to_owned();
        for (index, setting) in settings.iter().enumerate() {
            let lines = if is_set { &setting.set } else { &setting.unset };
            let audience = setting.provider.audience();
            config += &format!("[trust.t{index}]\naudience = {audience:?}\n{lines}\n");
        }
        let config = home.configure(&config);
        let server = Server::start(&home, &["--config", &config]);
        for setting in &settings {
            let headers = [bearer(&setting.token.clone().sign().unwrap())];
            // `/whoami` requires no scope.
            let path = match setting.set.contains("scope_patterns") {
                true => "/ext-authz/calls",
                false => "/ext-authz/any",
            };
            let answer = server.get(path, &headers);
            let status = answer.status.to_string();
            let subject = answer.header("countersign-subject");
            let (set, unset) = setting.expected;
            let expected = if is_set { set } else { unset };
            assert_eq!(subject.unwrap_or(&status), expected, "{}", setting.set);
        }
    }
}
