//! The address of a client behind proxies, for keys that are restricted to networks.

use serde_json::json;

use crate::harness::{Home, Server, api_key, basic};

/// A server with trusted proxies, and a key that is restricted to a network.
struct Fixture {
    _home: Home,
    server: Server,
    id: String,
    key: String,
    secret: String,
}

impl Fixture {
    fn new(trusted: &str, allow_from: &str) -> Self {
        let home = Home::new();
        let operator = home.create_key("*").key;
        let file = home.configure(&format!("[server]\ntrusted_proxies = {trusted}\n"));
        let server = Server::start(&home, &["--config", &file]);
        let body =
            json!({ "name": "x", "scopes": ["countersign:admin"], "allow_from": [allow_from] });
        let created = server.send(
            "POST",
            "/admin/v1/keys",
            &[api_key(&operator)],
            &body.to_string(),
        );
        assert_eq!(created.status, 201, "{created:?}");
        let text = |name: &str| created.json()[name].as_str().unwrap().to_owned();
        Self {
            _home: home,
            server,
            id: text("id"),
            key: text("key"),
            secret: text("secret"),
        }
    }

    /// Whether `/whoami`, the token endpoint and `/admin/v1` accept the key, in both forms, with these
    /// `X-Forwarded-For` headers. All must agree.
    #[track_caller]
    fn accepts(&self, forwarded: &[&str]) -> bool {
        let lines = forwarded
            .iter()
            .map(|line| ("x-forwarded-for", (*line).to_owned()));
        let lines: Vec<_> = lines.collect();
        let mut statuses = Vec::new();
        for credentials in [api_key(&self.key), basic(&self.id, &self.secret)] {
            let headers = [lines.as_slice(), &[credentials]].concat();
            statuses.push(self.server.status_for(&headers));
            statuses.push(self.server.mint(&headers).status);
            statuses.push(self.server.get("/admin/v1/keys", &headers).status);
        }
        let accepted = statuses[0] == 200;
        let expected = if accepted { 200 } else { 401 };
        assert!(
            statuses.iter().all(|status| *status == expected),
            "{statuses:?}"
        );
        accepted
    }
}

#[test]
fn a_key_is_accepted_only_from_its_networks_and_headers_of_untrusted_peers_are_ignored() {
    let at_home = Fixture::new("[]", "127.0.0.0/8");
    assert!(at_home.accepts(&[]));
    assert!(at_home.accepts(&["192.0.2.1"]), "the header is ignored");
    let elsewhere = Fixture::new("[]", "192.0.2.0/24");
    assert!(!elsewhere.accepts(&[]));
    assert!(!elsewhere.accepts(&["192.0.2.1"]));
    // Another address than that of the peer is a trusted proxy.
    let behind_another = Fixture::new(r#"["10.0.0.0/8"]"#, "192.0.2.0/24");
    assert!(!behind_another.accepts(&["192.0.2.1"]));
    assert!(!behind_another.accepts(&["192.0.2.1, 10.0.0.1"]));
}

#[test]
fn behind_a_trusted_proxy_the_address_is_the_rightmost_untrusted_one() {
    let fixture = Fixture::new(r#"["127.0.0.1", "10.0.0.0/8"]"#, "192.0.2.0/24");
    assert!(!fixture.accepts(&[]), "the address of the proxy itself");
    assert!(fixture.accepts(&["192.0.2.1"]));
    assert!(fixture.accepts(&["::ffff:192.0.2.1"]));
    assert!(fixture.accepts(&["192.0.2.1, 10.1.1.1"]));
    assert!(fixture.accepts(&["203.0.113.1, 192.0.2.1", "10.1.1.1,10.2.2.2"]));
    assert!(fixture.accepts(&["192.0.2.1:17085, 10.1.1.1:80"]));
    // Addresses further left may come from the client.
    assert!(!fixture.accepts(&["192.0.2.1, 203.0.113.1"]));
    assert!(!fixture.accepts(&["192.0.2.1", "203.0.113.1"]));
    assert!(!fixture.accepts(&["192.0.2.1, 203.0.113.1, 10.1.1.1"]));
    for malformed in [
        "192.0.2.1, unknown",
        "192.0.2.1,",
        "192.0.2.1:",
        "192.0.2.1 192.0.2.1",
        "[192.0.2.1]",
    ] {
        assert!(!fixture.accepts(&[malformed]), "{malformed}");
    }
}

#[test]
fn address_that_a_trusted_proxy_does_not_report_is_not_that_of_the_proxy() {
    let fixture = Fixture::new(r#"["127.0.0.1"]"#, "127.0.0.0/8");
    assert!(fixture.accepts(&[]));
    for unreadable in ["unknown", "_hidden", "", "192.0.2.1, unknown"] {
        assert!(!fixture.accepts(&[unreadable]), "{unreadable}");
    }
}

#[test]
fn other_headers_do_not_change_the_address() {
    let fixture = Fixture::new(r#"["127.0.0.1"]"#, "192.0.2.0/24");
    for (name, value) in [
        ("forwarded", "for=192.0.2.1"),
        ("x-real-ip", "192.0.2.1"),
        ("x-client-ip", "192.0.2.1"),
        ("x-forwarded", "192.0.2.1"),
        ("true-client-ip", "192.0.2.1"),
    ] {
        let headers = [(name, value.to_owned()), api_key(&fixture.key)];
        assert_eq!(fixture.server.status_for(&headers), 401, "{name}");
    }
}
