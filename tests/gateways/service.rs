//! A plain service behind the gateways, which answers every request with the head that it has received.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// The header by which responses of the service are known.
pub(crate) const MARK: &str = "x-service";

#[derive(Clone, Debug)]
pub(crate) struct Service {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl Service {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let service = Self {
            address: listener.local_addr().unwrap(),
            requests: Arc::default(),
        };
        let requests = Arc::clone(&service.requests);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let requests = Arc::clone(&requests);
                thread::spawn(move || serve(stream, &requests));
            }
        });
        service
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns the number of requests that have arrived.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// Answers the requests of one connection until the gateway closes it.
fn serve(stream: TcpStream, requests: &AtomicUsize) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    loop {
        let (mut head, mut length) = (Vec::new(), 0);
        loop {
            let start = head.len();
            match reader.read_until(b'\n', &mut head) {
                Ok(read) if read > 0 => {}
                _ => return,
            }
            let line = String::from_utf8_lossy(&head[start..]).to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or_default();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        requests.fetch_add(1, Ordering::SeqCst);
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let length = head.len();
        let shown = if head.starts_with(b"HEAD ") {
            &[][..]
        } else {
            &head
        };
        let response = format!("HTTP/1.1 200 OK\r\n{MARK}: 1\r\ncontent-length: {length}\r\n\r\n");
        // In one piece, since the rest of it would wait for an acknowledgement.
        let response = [response.as_bytes(), shown].concat();
        if writer.write_all(&response).is_err() {
            return;
        }
    }
}
