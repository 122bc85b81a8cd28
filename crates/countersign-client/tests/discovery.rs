//! Discovery of the token endpoint of an OAuth issuer.

#![allow(clippy::unwrap_used, reason = "tests")]

use countersign_client::testing::{FakeServer, status_response, token_response};
use countersign_client::{Credentials, TokenErrorKind, Tokens};
use http::Response;
use http_body_util::Full;

const ISSUER: &str = "https://auth.example/realms/a";

fn server(metadata: &'static str) -> FakeServer {
    FakeServer::new(move |_, request| match request.uri().path() {
        "/realms/a/.well-known/openid-configuration" => Response::new(Full::from(metadata)),
        "/realms/a/token" => match request.headers().contains_key("authorization") {
            true => token_response("by-basic", 60),
            false => token_response("by-form", 60),
        },
        _ => status_response(404, &[]),
    })
}

async fn get(metadata: &'static str) -> Result<String, TokenErrorKind> {
    let credentials = Credentials::client_secret("reports", "s3cret");
    let tokens = Tokens::discover(ISSUER, credentials)
        .build_with(server(metadata))
        .unwrap();
    let token = tokens.get().await.map_err(|error| error.kind().clone())?;
    Ok(token.authorization().to_str().unwrap().to_owned())
}

#[tokio::test(start_paused = true)]
async fn token_endpoint_is_read_from_the_metadata_with_its_authentication_method() {
    let basic = r#"{"issuer":"https://auth.example/realms/a","token_endpoint":"https://auth.example/realms/a/token"}"#;
    assert_eq!(get(basic).await.unwrap(), "Bearer by-basic");
    let form = r#"{"issuer":"https://auth.example/realms/a","token_endpoint":"https://auth.example/realms/a/token",
        "token_endpoint_auth_methods_supported":["client_secret_post","private_key_jwt"]}"#;
    assert_eq!(get(form).await.unwrap(), "Bearer by-form");
}

#[tokio::test(start_paused = true)]
async fn metadata_of_another_issuer_or_with_a_plain_endpoint_are_rejected() {
    for metadata in [
        r#"{"issuer":"https://evil.example","token_endpoint":"https://auth.example/realms/a/token"}"#,
        r#"{"issuer":"https://auth.example/realms/a","token_endpoint":"http://auth.example/realms/a/token"}"#,
        r#"{"issuer":"https://auth.example/realms/a"}"#,
        "<html>",
    ] {
        assert_eq!(
            get(metadata).await.unwrap_err(),
            TokenErrorKind::Metadata,
            "{metadata}"
        );
    }
}
