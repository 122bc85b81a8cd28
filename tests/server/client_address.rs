use serde_json::json;

use crate::harness::{Home, Server, api_key, basic};

/// A server that trusts these proxies, and a key that works from one network alone.
struct Site {
    _home: Home,
    server: Server,
    id: String,
    key: String,
    secret: String,
}

impl Site {
    fn new(trusted: &str, allow_from: &str) -> Self {
        let home = Home::new();
        let operator = home.create_key("*").key;
        let file = home.configure(&format!("[server]\ntrusted_proxies = {trusted}\n"));
        let server = Server::start(&home, &["--config", &file]);
        let body =
            json!({ "name": "x", "scopes": ["countersign:admin"], "allow_from": [allow_from] });
        let made = server.send(
            "POST",
            "/admin/v1/keys",
            &[api_key(&operator)],
            &body.to_string(),
        );
        assert_eq!(made.status, 201, "{made:?}");
        let text = |name: &str| made.json()[name].as_str().unwrap().to_owned();
        Self {
            _home: home,
            server,
            id: text("id"),
            key: text("key"),
            secret: text("secret"),
        }
    }

    /// The statuses of whoami, the mint and the admin API, with the key and with its id and secret, behind
    /// these lines of `X-Forwarded-For`. They must agree.
    #[track_caller]
    fn admits(&self, forwarded: &[&str]) -> bool {
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
        let admitted = statuses[0] == 200;
        let expected = if admitted { 200 } else { 401 };
        assert!(
            statuses.iter().all(|status| *status == expected),
            "{statuses:?}"
        );
        admitted
    }
}

#[test]
fn a_key_works_from_its_networks_alone_and_the_header_of_a_stranger_is_not_believed() {
    let at_home = Site::new("[]", "127.0.0.0/8");
    assert!(at_home.admits(&[]));
    assert!(
        at_home.admits(&["192.0.2.1"]),
        "not believed against anybody either"
    );
    let elsewhere = Site::new("[]", "192.0.2.0/24");
    assert!(!elsewhere.admits(&[]));
    assert!(!elsewhere.admits(&["192.0.2.1"]));
    // A proxy is trusted, and it is not this peer.
    let behind_another = Site::new(r#"["10.0.0.0/8"]"#, "192.0.2.0/24");
    assert!(!behind_another.admits(&["192.0.2.1"]));
    assert!(!behind_another.admits(&["192.0.2.1, 10.0.0.1"]));
}

#[test]
fn behind_a_trusted_proxy_the_rightmost_hop_that_is_not_trusted_counts() {
    let site = Site::new(r#"["127.0.0.1", "10.0.0.0/8"]"#, "192.0.2.0/24");
    assert!(!site.admits(&[]), "the proxy itself is not from there");
    assert!(site.admits(&["192.0.2.1"]));
    assert!(site.admits(&["::ffff:192.0.2.1"]));
    assert!(site.admits(&["192.0.2.1, 10.1.1.1"]));
    assert!(site.admits(&["203.0.113.1, 192.0.2.1", "10.1.1.1,10.2.2.2"]));
    // What the client wrote itself stands further left.
    assert!(!site.admits(&["192.0.2.1, 203.0.113.1"]));
    assert!(!site.admits(&["192.0.2.1", "203.0.113.1"]));
    assert!(!site.admits(&["192.0.2.1, 203.0.113.1, 10.1.1.1"]));
    for malformed in [
        "192.0.2.1, unknown",
        "192.0.2.1,",
        "192.0.2.1:80",
        "192.0.2.1 192.0.2.1",
        "[192.0.2.1]",
    ] {
        assert!(!site.admits(&[malformed]), "{malformed}");
    }
}

#[test]
fn other_headers_say_nothing_about_the_address() {
    let site = Site::new(r#"["127.0.0.1"]"#, "192.0.2.0/24");
    for (name, value) in [
        ("forwarded", "for=192.0.2.1"),
        ("x-real-ip", "192.0.2.1"),
        ("x-client-ip", "192.0.2.1"),
        ("x-forwarded", "192.0.2.1"),
        ("true-client-ip", "192.0.2.1"),
    ] {
        let headers = [(name, value.to_owned()), api_key(&site.key)];
        assert_eq!(site.server.status_for(&headers), 401, "{name}");
    }
}
