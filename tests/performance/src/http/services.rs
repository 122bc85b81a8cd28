//! Services on axum, each in a process of its own.

use std::net::Ipv4Addr;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::ValueEnum;
use countersign::auth::AuthLayer;
use countersign::jose::Algorithm;
use countersign::random::{Random as _, SystemRandom};
use countersign_tests::MemoryCredentials;
use serde_json::json;
use tokio::net::TcpListener;

use crate::in_process::Material;
use crate::in_process::material::{ISSUER, SCOPES, jwt};
use crate::in_process::own::password_layer;
use crate::in_process::peers::jwt_authorizer;
use crate::in_process::raw::{encoding_key, name};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Service {
    Bare,
    /// Answers every path, without a body, as an endpoint that gateways ask does.
    Anything,
    Cached,
    NoCache,
    Key,
    Password,
    JwtAuthorizer,
    Mint,
}

/// Serves on a free port, and prints its URL and the API key, if there is one.
pub(crate) fn serve(service: Service, algorithm: &str) {
    let material = Material::load();
    let algorithm: Algorithm = algorithm.parse().expect("an algorithm");
    let layer_of = |jwt| AuthLayer::builder().mechanism(jwt).build().unwrap();
    let memory = MemoryCredentials::default();
    let mut key = String::new();
    let routes = Router::new().route("/", get(async || "ok"));
    let routes = match service {
        Service::Bare => routes,
        Service::Anything => routes.fallback(async || StatusCode::OK),
        Service::Cached => routes.layer(layer_of(jwt(algorithm))),
        Service::NoCache => routes.layer(layer_of(jwt(algorithm).cache_bytes(0))),
        Service::Key => {
            memory
                .create_key(SCOPES)
                .issued
                .key
                .expose()
                .clone_into(&mut key);
            let layer = AuthLayer::builder().primary(memory.api_keys()).build();
            routes.layer(layer.unwrap())
        }
        Service::Password => routes.layer(password_layer().0),
        Service::JwtAuthorizer => {
            let layer = jwt_authorizer(&material, algorithm);
            let routes = axum_07::Router::new().route("/", axum_07::routing::get(async || "ok"));
            return material.block_on(async {
                let listener = listen("").await;
                axum_07::serve(listener, routes.layer(layer)).await.unwrap();
            });
        }
        Service::Mint => minting(algorithm),
    };
    material.block_on(async {
        axum::serve(listen(&key).await, routes).await.unwrap();
    });
}

async fn listen(key: &str) -> TcpListener {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    println!("http://{}/ {key}", listener.local_addr().unwrap());
    listener
}

/// Mints with jsonwebtoken, for anyone who asks.
fn minting(algorithm: Algorithm) -> Router {
    let key = encoding_key(algorithm);
    let mut header = jsonwebtoken::Header::new(name(algorithm));
    header.typ = Some("at+jwt".to_owned());
    header.kid = Some("1".to_owned());
    let mint = async move || {
        let now = jsonwebtoken::get_current_timestamp();
        let mut id = [0; 20];
        SystemRandom
            .fill(&mut id)
            .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        let claims = json!({
            "iss": ISSUER, "aud": ISSUER, "sub": "worker", "client_id": "worker", "iat": now, "exp": now + 3600,
            "jti": URL_SAFE_NO_PAD.encode(id), "scope": SCOPES,
        });
        let token = jsonwebtoken::encode(&header, &claims, &key);
        let token = token.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        let body = json!({ "access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": SCOPES });
        Ok::<_, StatusCode>(([("content-type", "application/json")], body.to_string()))
    };
    Router::new().route("/", post(mint))
}
