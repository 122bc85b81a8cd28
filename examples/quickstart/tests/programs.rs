//! Runs the programs as a user does, and sends them accepted and rejected requests.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use countersign::testing::TestIssuer;
use countersign::time::SystemClock;

/// A running program, and the lines that it printed.
struct Program {
    process: Child,
    lines: Vec<String>,
}

impl Program {
    fn start(path: &str, arguments: &[&str], lines: usize) -> Self {
        let mut process = Command::new(path)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let lines = output.lines().take(lines).map(Result::unwrap).collect();
        Self { process, lines }
    }

    /// Sends `GET /calls` with a header, and returns the whole response.
    fn get_calls(&self, header: &str) -> String {
        let address = self.lines[0].strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        let head =
            format!("GET /calls HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{header}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[test]
fn identity_provider_accepts_its_tokens_with_the_scope_and_rejects_others() {
    let issuer = TestIssuer::start(SystemClock).unwrap();
    let arguments = [issuer.url(), TestIssuer::AUDIENCE];
    let program = Program::start(env!("CARGO_BIN_EXE_identity_provider"), &arguments, 1);
    let bearer = |token: &str| program.get_calls(&format!("authorization: Bearer {token}"));

    let token = issuer
        .token()
        .subject("bob")
        .scope("calls:read")
        .sign()
        .unwrap();
    let accepted = bearer(&token);
    assert!(accepted.starts_with("HTTP/1.1 200"), "{accepted}");
    assert!(accepted.ends_with("the calls of bob"), "{accepted}");
    let without_scope = bearer(&issuer.token().scope("other").sign().unwrap());
    assert!(without_scope.starts_with("HTTP/1.1 403"), "{without_scope}");
    assert!(
        without_scope.contains("insufficient_scope"),
        "{without_scope}"
    );
    let forged = bearer(&format!("{token}x"));
    assert!(forged.starts_with("HTTP/1.1 401"), "{forged}");
}

#[test]
fn sqlite_keys_accepts_its_key_and_rejects_others() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("keys.db").display());
    let program = Program::start(env!("CARGO_BIN_EXE_sqlite_keys"), &[&url], 2);
    let key = |key: &str| program.get_calls(&format!("x-api-key: {key}"));

    let accepted = key(&program.lines[1]);
    assert!(accepted.starts_with("HTTP/1.1 200"), "{accepted}");
    let rejected = key("cs_unknown");
    assert!(rejected.starts_with("HTTP/1.1 401"), "{rejected}");
    assert!(
        rejected.contains("www-authenticate: ApiKey realm="),
        "{rejected}"
    );
}
