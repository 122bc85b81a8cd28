//! Runs the programs as a user does, with a token endpoint of this project and services that accept its tokens.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod issuer;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};

use countersign_client::{Credentials, TokenRequest, Tokens};
use issuer::{CALLS, Client, ORDERS, TokenServer};
use tonic::transport::server::TcpIncoming;

fn command(path: &str, arguments: &[&str], client: &Client) -> Command {
    let mut command = Command::new(path);
    command
        .args(arguments)
        .env("CLIENT_ID", &client.id)
        .env("CLIENT_SECRET", &client.secret);
    command
}

/// Runs a program to its end, without blocking the servers of the test.
async fn run(mut command: Command) -> Output {
    let run = tokio::task::spawn_blocking(move || command.output().unwrap());
    run.await.unwrap()
}

/// A running service, which is killed when the test ends.
struct Service {
    process: Child,
    url: String,
}

impl Service {
    async fn start(mut command: Command) -> Self {
        let start = tokio::task::spawn_blocking(move || {
            let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
            let mut output = BufReader::new(process.stdout.take().unwrap());
            let mut url = String::new();
            output.read_line(&mut url).unwrap();
            let url = url.trim().to_owned();
            Self { process, url }
        });
        start.await.unwrap()
    }

    /// Sends a GET, and returns the status and the body.
    async fn get(&self, path: &str, token: Option<&str>) -> (u16, String) {
        let mut request = reqwest::Client::new().get(format!("{}{path}", self.url));
        if let Some(token) = token {
            request = request.header("authorization", token);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn calls_service(server: &TokenServer) -> Service {
    let mut calls = Command::new(env!("CARGO_BIN_EXE_calls"));
    calls.arg(&server.url);
    Service::start(calls).await
}

/// Returns a token as the value of `Authorization`.
async fn token(server: &TokenServer, client: &Client, audience: &str) -> String {
    let credentials = Credentials::client_secret(&client.id, &client.secret);
    let tokens = Tokens::discover(&server.url, credentials)
        .request(TokenRequest::default().resource(audience))
        .build()
        .unwrap();
    let token = tokens.get().await.unwrap();
    token.authorization().to_str().unwrap().to_owned()
}

fn wrong_secret(client: &Client) -> Client {
    Client {
        id: client.id.clone(),
        secret: "wrong".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn service_of_a_chain_calls_the_next_one_with_a_token_of_its_own() {
    let server = TokenServer::start().await.unwrap();
    let user = server.client("orders:read").await.unwrap();
    let service = server.client("calls:on-behalf").await.unwrap();
    let calls = calls_service(&server).await;
    let arguments = [server.url.as_str(), &calls.url];
    let orders = command(env!("CARGO_BIN_EXE_orders"), &arguments, &service);
    let orders = Service::start(orders).await;

    let of_user = token(&server, &user, ORDERS).await;
    let (status, body) = orders.get("/orders", Some(&of_user)).await;
    let expected = format!("calls of {} for {}", user.id, service.id);
    assert_eq!((status, body), (200, expected));
    assert_eq!(orders.get("/orders", None).await.0, 401);

    // The token of the user is for the first service only, and the user may not act for others.
    assert_eq!(calls.get("/calls", Some(&of_user)).await.0, 401);
    let elsewhere = token(&server, &user, CALLS).await;
    assert_eq!(calls.get("/calls", Some(&elsewhere)).await.0, 403);

    let without = command(
        env!("CARGO_BIN_EXE_orders"),
        &arguments,
        &wrong_secret(&service),
    );
    let without = Service::start(without).await;
    assert_eq!(without.get("/orders", Some(&of_user)).await.0, 502);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn reqwest_sends_a_token_to_the_configured_service() {
    let server = TokenServer::start().await.unwrap();
    let client = server.client("calls:on-behalf").await.unwrap();
    let calls = calls_service(&server).await;
    let arguments = [server.url.as_str(), CALLS, &calls.url];
    let path = env!("CARGO_BIN_EXE_reqwest_client");

    let output = run(command(path, &arguments, &client)).await;
    let printed = String::from_utf8(output.stdout).unwrap();
    let expected = format!("200 OK: calls of no user for {}\n", client.id);
    assert_eq!(printed, expected);
    let other = server.client("other").await.unwrap();
    let output = run(command(path, &arguments, &other)).await;
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.starts_with("403 Forbidden: "), "{printed}");
    let output = run(command(path, &arguments, &wrong_secret(&client))).await;
    assert!(!output.status.success());
    let printed = String::from_utf8(output.stderr).unwrap();
    assert!(printed.contains("invalid_client"), "{printed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn tonic_channel_sends_a_token_with_each_call() {
    let server = TokenServer::start().await.unwrap();
    let client = server.client("calls:read").await.unwrap();
    let trusted = server.trusted().unwrap();
    let service = tonic_service::service(server.directory.clone(), server.peppers.clone(), trusted);
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", incoming.local_addr().unwrap());
    tokio::spawn(service.unwrap().serve_with_incoming(incoming));
    let arguments = [server.url.as_str(), CALLS, &url];
    let path = env!("CARGO_BIN_EXE_grpc");

    let output = run(command(path, &arguments, &client)).await;
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed, format!("{}: one, two\n", client.id));
    let other = server.client("other").await.unwrap();
    let output = run(command(path, &arguments, &other)).await;
    let printed = String::from_utf8(output.stderr).unwrap();
    assert!(printed.contains("invalid_scope"), "{printed}");
}
