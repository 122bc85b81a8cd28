//! A plain service behind the gateways, which answers every request with the head and the
//! trailers that it has received.

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

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
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
        let is_chunked = head.to_ascii_lowercase();
        let is_chunked =
            String::from_utf8_lossy(&is_chunked).contains("transfer-encoding: chunked");
        let read = match is_chunked {
            true => read_chunks(&mut reader, &mut head),
            false => reader.read_exact(&mut vec![0; length]),
        };
        if read.is_err() {
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

/// Reads a body in chunks (RFC 9112 §7.1). Appends its trailers to the head.
fn read_chunks(reader: &mut BufReader<TcpStream>, head: &mut Vec<u8>) -> std::io::Result<()> {
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = line.trim().split(';').next().unwrap_or_default();
        match usize::from_str_radix(size, 16).unwrap_or_default() {
            0 => break,
            size => reader.read_exact(&mut vec![0; size + 2])?,
        }
    }
    loop {
        let start = head.len();
        reader.read_until(b'\n', head)?;
        if head[start..].trim_ascii().is_empty() {
            return Ok(());
        }
    }
}
