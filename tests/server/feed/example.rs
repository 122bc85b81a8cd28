//! `examples/feed-verifier`.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use crate::harness::{Header, Home, IssuedKey, Response, Server, api_key, bearer, built, send};

/// The running example, which is killed on drop.
struct Example {
    process: Child,
    address: SocketAddr,
}

impl Example {
    fn start(server: &Server, key: &IssuedKey, arguments: &[&str]) -> Self {
        let mut command = Command::new(built("feed-verifier", "feed-verifier"));
        command.arg(server.url()).args(arguments);
        command.env("FEED_KEY", &key.key).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut url = String::new();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        output.read_line(&mut url).unwrap();
        let address = url.trim().strip_prefix("http://").unwrap().parse().unwrap();
        Self { process, address }
    }

    fn call(&self, headers: &[Header]) -> Response {
        send(self.address, "GET", "/calls", headers, "")
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn example_rejects_a_token_after_the_command_that_revoked_its_key() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let example = Example::start(&server, &home.create_key("feed:denials"), &[]);
    let key = server.create_key(&home, "calls:read");
    let token = [bearer(&server.token(&[api_key(&key.key)]))];
    assert_eq!(
        example.call(&token).body,
        format!("the calls of {}\n", key.id)
    );
    home.run(&["key", "revoke", &key.id]);
    assert_eq!(example.call(&token).status, 401);
    assert_eq!(example.call(&[]).status, 401);
}

#[test]
fn example_rejects_a_key_after_the_command_that_revoked_it() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let reader = home.create_key("feed:credentials");
    let example = Example::start(&server, &reader, &["api-keys"]);
    let key = server.create_key(&home, "calls:read");
    let presented = [api_key(&key.key)];
    assert_eq!(
        example.call(&presented).body,
        format!("the calls of {}\n", key.id)
    );
    home.run(&["key", "revoke", &key.id]);
    assert_eq!(example.call(&presented).status, 401);
}
