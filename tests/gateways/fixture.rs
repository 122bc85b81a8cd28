//! A server, and a gateway between clients and a service.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign::time::{Clock as _, SystemClock};
use countersign_tests::GatewayExample;
use serde_json::json;

use crate::client;
use crate::gateway::Gateway;
use crate::harness::{Home, IssuedKey, Response, Server, api_key, bearer, wait_for};

/// The URL of an external issuer whose keys cannot be fetched.
const UNREACHABLE: &str = "http://127.0.0.1:1";

pub(crate) struct Fixture {
    pub(crate) home: Home,
    pub(crate) server: Server,
    pub(crate) gateway: Gateway,
    /// A key with the scope `calls:read`.
    pub(crate) key: IssuedKey,
    /// A token of this key.
    pub(crate) token: String,
    /// A key with the scope `wallet:read`.
    pub(crate) other: IssuedKey,
}

impl Fixture {
    /// Starts a gateway in front of the service at this address.
    #[track_caller]
    pub(crate) fn start(example: GatewayExample, service: SocketAddr) -> Self {
        let home = Home::new();
        let server = start_server(&home, example);
        let key = server.create_key(&home, "calls:read");
        let other = server.create_key(&home, "wallet:read");
        let token = server.token(&[api_key(&key.key)]);
        let header = countersign_tests::header(&token);
        let kid = header["kid"].as_str().unwrap();
        let exported = home.run(&["signing-key", "export", "--pem", kid]);
        let pem = String::from_utf8(exported.stdout).unwrap();
        let gateway = Gateway::start(example, server.address(), service, &pem);
        Self {
            home,
            server,
            gateway,
            key,
            token,
            other,
        }
    }

    /// Sends a request through the gateway.
    #[track_caller]
    pub(crate) fn send(&self, line: &str, headers: &[&str]) -> Response {
        client::send(self.gateway.address(), line, headers)
    }

    /// Returns the status of a request with a token through the gateway.
    #[track_caller]
    pub(crate) fn status(&self, line: &str, token: &str) -> u16 {
        self.send(line, &[&bearer_line(token)]).status
    }

    /// Returns a token of this key.
    #[track_caller]
    pub(crate) fn token_of(&self, key: &IssuedKey) -> String {
        self.server.token(&[api_key(&key.key)])
    }

    /// Revokes the key of a token, and waits until the server rejects the token.
    #[track_caller]
    pub(crate) fn revoke(&self, key: &IssuedKey, token: &str) {
        self.home.run(&["key", "revoke", &key.id]);
        let patience = std::time::Duration::from_secs(10);
        wait_for("the revocation", patience, || {
            (self.server.status_for(&[bearer(token)]) == 401).then_some(())
        });
    }
}

/// Starts a server with the configuration of the examples. It listens on another port, trusts a further issuer, whose keys
/// cannot be fetched, and signs with ES256 for HAProxy, which knows no EdDSA.
#[track_caller]
fn start_server(home: &Home, example: GatewayExample) -> Server {
    let text = GatewayExample::server_configuration();
    let section = "[issuer.default]\n";
    assert!(text.contains(section));
    let text = match example {
        GatewayExample::HaProxyAlone => {
            text.replace(section, &format!("{section}algorithm = \"ES256\"\n"))
        }
        _ => text,
    };
    let trust = format!("[trust.staff]\nissuer = \"{UNREACHABLE}\"\naudience = \"a\"\n");
    let config = home.configure(&format!("{text}\n{trust}"));
    Server::start(home, &["--config", &config])
}

pub(crate) fn key_line(key: &str) -> String {
    format!("x-api-key: {key}")
}

pub(crate) fn bearer_line(token: &str) -> String {
    format!("authorization: Bearer {token}")
}

pub(crate) fn basic_line(name: &str, password: &str) -> String {
    let pair = STANDARD.encode(format!("{name}:{password}"));
    format!("authorization: Basic {pair}")
}

/// Returns a token of the issuer whose keys cannot be fetched.
pub(crate) fn undecidable_token() -> String {
    let header = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "k" });
    let now = SystemClock.now().unix_millis() / 1000;
    let claims =
        json!({ "iss": UNREACHABLE, "aud": "a", "sub": "s", "iat": now, "exp": now + 600 });
    let part = |text: &[u8]| URL_SAFE_NO_PAD.encode(text);
    let (header, claims) = (header.to_string(), claims.to_string());
    format!(
        "{}.{}.{}",
        part(header.as_bytes()),
        part(claims.as_bytes()),
        part(&[0; 64])
    )
}
