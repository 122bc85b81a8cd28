//! Connections: how many there may be, and what happens to them when the server stops.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::harness::{Home, Server, wait_for};

const PATIENCE: Duration = Duration::from_secs(10);
const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";

/// Opens a connection, and sends a request on it. Returns the connection if the server has answered.
fn connect(server: &Server) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(server.address()).ok()?;
    stream.write_all(REQUEST).ok()?;
    let mut status = [0; 15];
    stream.read_exact(&mut status).ok()?;
    assert_eq!(&status, b"HTTP/1.1 200 OK");
    Some(stream)
}

#[test]
fn an_address_has_a_limited_number_of_connections_and_gets_another_when_one_ends() {
    let home = Home::new();
    let config = home.configure("[server]\nmax_connections_per_address = 3\n");
    let server = Server::start(&home, &["--config", &config]);
    let mut open: Vec<_> = (0..3).map(|_| connect(&server).unwrap()).collect();
    assert!(connect(&server).is_none());
    open.pop();
    let another = wait_for("a free place", PATIENCE, || connect(&server));
    assert!(connect(&server).is_none());
    drop((open, another));
}

#[test]
fn all_addresses_together_have_a_limited_number_of_connections() {
    let home = Home::new();
    let config = home.configure("[server]\nmax_connections = 2\n");
    let server = Server::start(&home, &["--config", &config]);
    let open: Vec<_> = (0..2).map(|_| connect(&server).unwrap()).collect();
    assert!(connect(&server).is_none());
    drop(open);
}

#[test]
fn a_server_that_stops_does_not_wait_for_connections_without_a_complete_request() {
    let home = Home::new();
    let config = home.configure("[server]\nshutdown_grace = \"1h\"\n");
    let server = Server::start(&home, &["--config", &config]);
    let _idle = connect(&server).unwrap();
    let _open = TcpStream::connect(server.address()).unwrap();
    let mut head = TcpStream::connect(server.address()).unwrap();
    head.write_all(b"GET /healthz HTTP/1.1\r\nhost: a").unwrap();
    let mut body = TcpStream::connect(server.address()).unwrap();
    body.write_all(
        b"POST /auth/login HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{",
    )
    .unwrap();
    // The server has accepted the connections, in their order.
    connect(&server).unwrap();
    let (status, log) = server.stop();
    assert!(status.success(), "{log}");
    assert!(!log.contains("aborted"), "{log}");
}

#[test]
fn a_request_of_http_1_1_without_one_valid_host_is_400() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    for (version, hosts, status) in [
        ("1.1", "host: a.example\r\n", 200),
        ("1.0", "", 200),
        ("1.1", "", 400),
        ("1.1", "host: a\r\nhost: a\r\n", 400),
        ("1.1", "host: a\r\nHost: b\r\n", 400),
        ("1.1", "host: a b\r\n", 400),
        ("1.1", "host: user@a\r\n", 400),
        ("1.0", "host: a\r\nhost: b\r\n", 400),
    ] {
        let request = format!("GET /healthz HTTP/{version}\r\n{hosts}connection: close\r\n\r\n");
        let response = server.send_raw(request.as_bytes());
        let expected = format!("HTTP/{version} {status} ");
        assert!(response.starts_with(&expected), "{request}: {response}");
    }
}
