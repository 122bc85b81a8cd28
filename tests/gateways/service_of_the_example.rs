//! The service of `examples/behind-gateway`, which reads the identity headers.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use countersign_tests::GatewayExample;

use crate::client;
use crate::fixture::{Fixture, bearer_line, key_line};
use crate::harness::built;

static PROGRAM: LazyLock<std::path::PathBuf> =
    LazyLock::new(|| built("behind-gateway", "behind-gateway"));

/// A running service, which is killed on drop.
struct Program {
    child: Child,
    address: SocketAddr,
}

impl Program {
    fn start() -> Self {
        let mut child = Command::new(&*PROGRAM)
            .args(["127.0.0.1:0", "127.0.0.1"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines.next().expect("the service started").unwrap();
        let address = url.trim_start_matches("http://").parse().unwrap();
        Self { child, address }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn check(example: GatewayExample) {
    let program = Program::start();
    let fixture = Fixture::start(example, program.address);
    let key = key_line(&fixture.key.key);
    let expected = format!("the calls of {} with calls:read\n", fixture.key.id);
    for credentials in [&key, &bearer_line(&fixture.token)] {
        let response = fixture.send("GET /calls", &[credentials]);
        assert_eq!(response.status, 200, "{response:?}");
        assert!(response.body.contains(&expected), "{response:?}");
    }
    let forged = "countersign-subject: forged";
    assert_eq!(fixture.send("GET /calls", &[forged]).status, 401);
    assert_eq!(fixture.send("GET /about", &[forged]).status, 200);

    // A client that reaches the service itself is not believed.
    let direct = |line: &str, headers: &[&str]| client::send(program.address, line, headers);
    assert_eq!(direct("GET /calls", &[forged]).status, 403);
    assert_eq!(direct("GET /calls", &[&key]).status, 403);
    assert_eq!(direct("GET /about", &[]).status, 200);
}
