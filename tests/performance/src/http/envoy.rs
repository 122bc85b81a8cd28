//! Envoy.

use std::rc::Rc;

use countersign::jose::Algorithm;
use countersign_tests::GatewayExample;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::wrk::Target;
use crate::in_process::material::{ISSUER, jwks, token};
use crate::process::{Server, free_port, is_installed, on_server_core, third_party};

pub(super) const INSTALL: &str = "Envoy is not installed: run tests/setup";

const KEY: &str = "an-api-key-of-forty-three-characters-length";

/// Returns the program.
pub(super) fn program() -> Option<String> {
    let program = GatewayExample::Envoy.program(&third_party());
    let program = program.display().to_string();
    is_installed(&program).then_some(program)
}

pub(super) fn start(program: &str) -> Vec<Target> {
    let folder = Rc::new(TempDir::with_prefix("countersign-performance-").unwrap());
    let bearer = |algorithm| ("authorization", format!("Bearer {}", token(algorithm)));
    let cases = [
        ("Envoy, no authentication", None, None),
        (
            "Envoy jwt_authn, HS256",
            Some(jwt(Algorithm::Hs256, false)),
            Some(bearer(Algorithm::Hs256)),
        ),
        (
            "Envoy jwt_authn with its cache, HS256",
            Some(jwt(Algorithm::Hs256, true)),
            Some(bearer(Algorithm::Hs256)),
        ),
        (
            "Envoy jwt_authn, EdDSA",
            Some(jwt(Algorithm::EdDsa, false)),
            Some(bearer(Algorithm::EdDsa)),
        ),
        (
            "Envoy jwt_authn with its cache, EdDSA",
            Some(jwt(Algorithm::EdDsa, true)),
            Some(bearer(Algorithm::EdDsa)),
        ),
        (
            "Envoy api_key_auth",
            Some(api_key()),
            Some(("x-api-key", KEY.to_owned())),
        ),
    ];
    let ports: Vec<u16> = cases.iter().map(|_| free_port()).collect();
    let listeners = cases.iter().zip(&ports);
    let listeners: Vec<Value> = listeners
        .map(|((_, filter, _), port)| listener(*port, filter.clone()))
        .collect();
    let configuration = json!({ "static_resources": { "listeners": listeners } });
    let file = folder.path().join("envoy.json");
    std::fs::write(&file, configuration.to_string()).unwrap();
    let mut command = on_server_core(program);
    let arguments = [
        "--concurrency",
        "1",
        "--log-level",
        "error",
        "--disable-hot-restart",
        "-c",
    ];
    command.args(arguments).arg(&file);
    let server = Rc::new(Server::start(command, &ports));
    let targets = cases
        .into_iter()
        .zip(ports)
        .map(|((name, _, header), port)| {
            let target = Target::new(
                "gateways",
                name,
                format!("http://127.0.0.1:{port}/"),
                &server,
            );
            let target = match header {
                Some((name, value)) => target.header(name, value),
                None => target,
            };
            target.keep(&folder)
        });
    targets.collect()
}

fn typed(name: &str, of: &str, mut configuration: Value) -> Value {
    configuration["@type"] = format!("type.googleapis.com/envoy.extensions.filters.{of}").into();
    json!({ "name": name, "typed_config": configuration })
}

fn listener(port: u16, filter: Option<Value>) -> Value {
    let router = typed(
        "envoy.filters.http.router",
        "http.router.v3.Router",
        json!({}),
    );
    let filters: Vec<Value> = filter.into_iter().chain([router]).collect();
    let route = json!({
        "match": { "prefix": "/" },
        "direct_response": { "status": 200, "body": { "inline_string": "ok" } },
    });
    let manager = typed(
        "envoy.filters.network.http_connection_manager",
        "network.http_connection_manager.v3.HttpConnectionManager",
        json!({
            "stat_prefix": format!("port_{port}"),
            "codec_type": "HTTP1",
            "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [route] }] },
            "http_filters": filters,
        }),
    );
    json!({
        "address": { "socket_address": { "address": "127.0.0.1", "port_value": port } },
        "filter_chains": [{ "filters": [manager] }],
    })
}

fn jwt(algorithm: Algorithm, cached: bool) -> Value {
    let mut provider = json!({
        "issuer": ISSUER,
        "audiences": [ISSUER],
        "local_jwks": { "inline_string": jwks(algorithm) },
    });
    if cached {
        provider["jwt_cache_config"] = json!({ "jwt_cache_size": 1000 });
    }
    typed(
        "envoy.filters.http.jwt_authn",
        "http.jwt_authn.v3.JwtAuthentication",
        json!({
            "providers": { "own": provider },
            "rules": [{ "match": { "prefix": "/" }, "requires": { "provider_name": "own" } }],
        }),
    )
}

fn api_key() -> Value {
    typed(
        "envoy.filters.http.api_key_auth",
        "http.api_key_auth.v3.ApiKeyAuth",
        json!({
            "credentials": [{ "key": KEY, "client": "bench" }],
            "key_sources": [{ "header": "x-api-key" }],
        }),
    )
}
