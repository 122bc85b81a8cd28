//! Connections of the HTTP client.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign::remote::{Fetch as _, FetchedBody, HttpClient};
use http::Request;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

/// A server that closes each connection after some responses, and counts connections.
struct Server {
    url: String,
    connections: Arc<AtomicUsize>,
}

impl Server {
    async fn start(responses: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(respond(stream, responses));
            }
        });
        Self { url, connections }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn respond(mut stream: TcpStream, responses: usize) {
    for _ in 0..responses {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        stream.write_all(RESPONSE).await.unwrap();
    }
}

/// Returns a client that trusts some certificate, which the servers here do not use.
fn client() -> HttpClient {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]);
    HttpClient::with_roots(certified.unwrap().cert.pem().as_bytes()).unwrap()
}

async fn fetch(client: &HttpClient, server: &Server) -> u16 {
    let request = Request::get(&server.url).body(Vec::new()).unwrap();
    let mut body = FetchedBody::default();
    let response = client.send(request, &mut body).await.unwrap();
    response.status().as_u16()
}

#[tokio::test]
async fn connection_is_kept_for_the_next_request_only_if_it_was_asked_for() {
    for (client, connections) in [(client(), 3), (client().keep_connection(), 1)] {
        let server = Server::start(10).await;
        for _ in 0..3 {
            assert_eq!(fetch(&client, &server).await, 200);
        }
        assert_eq!(server.connections(), connections);
    }
}

#[tokio::test]
async fn connection_that_the_server_has_closed_is_replaced() {
    let client = client().keep_connection();
    let server = Server::start(2).await;
    for _ in 0..6 {
        assert_eq!(fetch(&client, &server).await, 200);
    }
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn connection_is_not_used_for_another_server() {
    let client = client().keep_connection();
    let servers = [Server::start(10).await, Server::start(10).await];
    for server in [&servers[0], &servers[1], &servers[0]] {
        assert_eq!(fetch(&client, server).await, 200);
    }
    let counts = servers.map(|server| server.connections());
    assert_eq!(counts, [2, 1]);
}
