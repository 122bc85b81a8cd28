//! A service that is configured with the URL of an issuer only: an external provider, and this project's server.

use std::convert::Infallible;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use countersign::mechanism::Jwt;
use countersign::{AuthLayer, Principal};
use http::{Request, Response, StatusCode};
use serde_json::json;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::harness::{Home, Language, Server, api_key, wait_for};

pub(crate) const API: &str = "https://api.example";

/// A running oidc-provider (npm), which is killed on drop.
pub(crate) struct Provider {
    child: Child,
    pub(crate) url: String,
}

impl Provider {
    pub(crate) fn start() -> Self {
        let mut child = Language::JavaScript
            .command("provider")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines.next().expect("the provider started").unwrap();
        Self { child, url }
    }

    /// Gets a token for the one client of the provider, with authlib.
    fn token(&self, scope: &str) -> String {
        let client = json!({"id": "worker", "secret": "worker-secret"}).to_string();
        let response = Language::Python.json("client_credentials", &[&self.url, scope], &client);
        response["access_token"].as_str().unwrap().to_owned()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A service that trusts the issuer with this URL.
pub(crate) struct Service {
    runtime: tokio::runtime::Runtime,
    layer: AuthLayer,
}

impl Service {
    pub(crate) fn trusting(url: &str, audience: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let jwt = runtime.block_on(async { Jwt::issuer(url).audience(audience).build().unwrap() });
        wait_for("the issuer's keys", Duration::from_secs(30), || {
            jwt.is_ready().then_some(())
        });
        let layer = AuthLayer::builder().mechanism(jwt).build().unwrap();
        Self { runtime, layer }
    }

    /// Sends a bearer token; returns the status and the body.
    pub(crate) fn send(&self, token: &str) -> (StatusCode, String) {
        let whoami = service_fn(|request: Request<()>| async move {
            let principal = request.extensions().get::<Principal>().unwrap();
            let text = format!("{} {}", principal.subject(), principal.scopes());
            Ok::<_, Infallible>(Response::new(text))
        });
        let request = Request::builder().header("authorization", format!("Bearer {token}"));
        let response = self.layer.layer(whoami).oneshot(request.body(()).unwrap());
        let response = self.runtime.block_on(response).unwrap();
        (response.status(), response.into_body())
    }
}

#[test]
fn tokens_of_oidc_provider_are_accepted_with_only_its_url_configured() {
    let provider = Provider::start();
    let token = provider.token("calls:read");
    let service = Service::trusting(&provider.url, API);
    let response = service.send(&token);
    assert_eq!(response, (StatusCode::OK, "worker calls:read".to_owned()));

    // A token for another audience, or with another signature, is rejected.
    let other = Service::trusting(&provider.url, "https://other.example");
    assert_eq!(other.send(&token).0, StatusCode::UNAUTHORIZED);
    let (input, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{input}.{}", "A".repeat(342));
    assert_eq!(service.send(&forged).0, StatusCode::UNAUTHORIZED);
}

#[test]
fn tokens_of_the_server_are_accepted_in_another_process_with_only_its_url_configured() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "calls:read");
    let token = server.token(&[api_key(&key.key)]);
    let service = Service::trusting(&server.url(), &server.url());
    let (status, body) = service.send(&token);
    assert_eq!(
        (status, body),
        (StatusCode::OK, format!("{} calls:read", key.id))
    );
    let (head, rest) = token.split_once('.').unwrap();
    assert_eq!(
        service.send(&format!("{head}.A{rest}")).0,
        StatusCode::UNAUTHORIZED
    );
}
