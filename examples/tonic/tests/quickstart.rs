//! Runs the short program as a user does, and calls it with accepted and rejected tokens.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use countersign::testing::TestIssuer;
use countersign::time::SystemClock;
use tonic::transport::Channel;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_service::proto::calls_client::CallsClient;
use tonic_service::proto::{DeleteRequest, ListRequest};

/// Ends the program when the test ends.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn with_token<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    let value = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", value);
    request
}

/// Starts a program that trusts the issuer, and connects to it.
async fn start(path: &str, issuer: &TestIssuer) -> (Program, Channel) {
    let mut process = Command::new(path)
        .args([issuer.url(), TestIssuer::AUDIENCE])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(process.stdout.take().unwrap());
    let program = Program(process);
    let mut url = String::new();
    output.read_line(&mut url).unwrap();
    let channel = Channel::from_shared(url.trim().to_owned()).unwrap();
    (program, channel.connect().await.unwrap())
}

#[tokio::test]
async fn token_with_the_scope_is_accepted_and_others_are_rejected() {
    let issuer = TestIssuer::start(SystemClock).unwrap();
    let (_program, channel) = start(env!("CARGO_BIN_EXE_quickstart"), &issuer).await;
    let mut client = CallsClient::new(channel);

    let token = issuer.token().scope("calls:read").sign().unwrap();
    let listed = client
        .list(with_token(ListRequest::default(), &token))
        .await;
    assert!(listed.is_ok(), "{listed:?}");
    let other = issuer.token().scope("other").sign().unwrap();
    let rejected = client
        .list(with_token(ListRequest::default(), &other))
        .await;
    assert_eq!(rejected.unwrap_err().code(), Code::PermissionDenied);
    let unlisted = client
        .delete(with_token(DeleteRequest::default(), &token))
        .await;
    assert_eq!(unlisted.unwrap_err().code(), Code::PermissionDenied);
    let anonymous = client.list(ListRequest::default()).await;
    assert_eq!(anonymous.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn health_is_public_and_calls_need_a_token() {
    let issuer = TestIssuer::start(SystemClock).unwrap();
    let (_program, channel) = start(env!("CARGO_BIN_EXE_public_health"), &issuer).await;
    let mut health = HealthClient::new(channel.clone());
    let checked = health.check(HealthCheckRequest::default()).await;
    assert!(checked.is_ok(), "{checked:?}");
    let rejected = health
        .check(with_token(HealthCheckRequest::default(), "wrong"))
        .await;
    assert_eq!(rejected.unwrap_err().code(), Code::Unauthenticated);

    let mut client = CallsClient::new(channel);
    let anonymous = client.list(ListRequest::default()).await;
    assert_eq!(anonymous.unwrap_err().code(), Code::Unauthenticated);
    let token = issuer.token().scope("calls:read").sign().unwrap();
    let listed = client
        .list(with_token(ListRequest::default(), &token))
        .await;
    assert!(listed.is_ok(), "{listed:?}");
    let unlisted = client.delete(DeleteRequest::default()).await;
    assert_eq!(unlisted.unwrap_err().code(), Code::Unauthenticated);
}
