//! The time from a revocation at a server until a verifier on its feed rejects the token. The verifier is this process; the server is
//! another one, with a database file of its own:
//!
//! ```text
//! cargo build --release -p countersign-server      # or both without `--release`
//! cargo run --release -p countersign-tests --example feed_latency -- target/release/countersign 300
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use countersign::Secret;
use countersign::feed::Feed;
use countersign::mechanism::Jwt;
use countersign::time::{Clock as _, SystemClock};
use serde_json::{Value, json};

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let program = arguments.next().expect("the path of the server");
    let count = arguments.next().map_or(300, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}", folder.path().join("x.db").display());
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.args(arguments).args(["--database", &database]);
        command
    };
    let create = run(&["key", "create", "--name", "a", "--scopes", "*", "--json"]).output();
    let operator: Value = serde_json::from_slice(&create.unwrap().stdout).unwrap();
    let operator = operator["key"].as_str().unwrap().to_owned();
    let mut serve = run(&["serve", "--listen", "127.0.0.1:0"]);
    let mut server = serve
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let url = line
        .trim()
        .strip_prefix("listening on ")
        .unwrap()
        .to_owned();
    let _server = Killed(server);

    let feed = Feed::connect(&*url, &Secret::from(operator.clone())).unwrap();
    feed.ready().await;
    let jwt = Jwt::new([feed.trusted().audience(&*url).build().unwrap()]);
    let is_accepted = |token: &str| jwt.introspect(token, SystemClock.now()).is_ok();
    let (mut answered, mut asked) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let new = json!({ "name": "b", "scopes": ["calls:read"] });
        let created = send(
            &url,
            "/admin/v1/keys",
            &operator,
            "application/json",
            &new.to_string(),
        );
        let key = created["key"].as_str().unwrap();
        let form = "application/x-www-form-urlencoded";
        let minted = send(
            &url,
            "/oauth/token",
            key,
            form,
            "grant_type=client_credentials",
        );
        let token = minted["access_token"].as_str().unwrap();
        assert!(is_accepted(token));
        let path = format!("/admin/v1/keys/{}/revoke", created["id"].as_str().unwrap());
        let begun = Instant::now();
        send(&url, &path, &operator, "application/json", "{}");
        let revoked = Instant::now();
        while is_accepted(token) {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        answered.push(revoked.elapsed());
        asked.push(begun.elapsed());
    }
    println!("{count} revocations");
    report("from the request that revokes to the rejection", asked);
    report("from the response to the rejection", answered);
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Posts a body, and returns the JSON of the response.
fn send(url: &str, path: &str, key: &str, content_type: &str, body: &str) -> Value {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nx-api-key: {key}\r\nconnection: close\r\n\
         content-type: {content_type}\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 2"), "{response}");
    serde_json::from_str(body).unwrap()
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at =
        |share: usize| times.get((times.len() * share / 100).min(times.len().saturating_sub(1)));
    let [p50, p99, max] = [50, 99, 100].map(|share| at(share).copied().unwrap_or_default());
    println!("{what}: p50 {p50:.1?}, p99 {p99:.1?}, max {max:.1?}");
}
