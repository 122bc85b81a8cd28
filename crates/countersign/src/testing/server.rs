//! The HTTP server of a test issuer. It uses threads and sockets of the standard library, so that it works with any
//! async runtime, even one whose time is paused.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The largest request head, in bytes.
const MAX_HEAD: usize = 16 * 1024;
/// The largest request body, in bytes.
const MAX_BODY: usize = 128 * 1024;

/// The response of a [`TestIssuer`](super::TestIssuer) to requests for its metadata or keys, and of a
/// [`TestOpaqueIssuer`](super::TestOpaqueIssuer) to introspection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IssuerResponse {
    /// 200 with the document, or 304 if the request names its current `ETag`. For introspection, the answer about the token.
    Document,
    /// The document or answer, after this delay.
    Delayed(Duration),
    /// No response until another one is set, which is then sent.
    Never,
    /// This status with an empty body.
    Status(u16),
    /// A redirect (302) to this URL.
    Redirect(String),
    /// 200 with this body in place of the document.
    Body(String),
    /// The connection is closed without a response.
    Close,
}

/// Computes the status and the body of a response from the head and the body of the request.
type Handler = Box<dyn Fn(&str, &str) -> (u16, String) + Send>;

/// A document or handler, where it is, its response, and the number of requests for it.
pub(super) struct Resource {
    paths: Vec<String>,
    /// What computes the responses, in place of the document.
    handler: Option<Handler>,
    pub(super) document: String,
    pub(super) tag: String,
    pub(super) response: IssuerResponse,
    pub(super) requests: u64,
    pub(super) not_modified: u64,
}

impl Resource {
    pub(super) fn new(
        paths: impl IntoIterator<Item = impl Into<String>>,
        document: String,
    ) -> Self {
        Self {
            paths: paths.into_iter().map(Into::into).collect(),
            handler: None,
            document,
            tag: "\"0\"".to_owned(),
            response: IssuerResponse::Document,
            requests: 0,
            not_modified: 0,
        }
    }

    /// Creates a resource whose responses `handler` computes.
    pub(super) fn answered_by(
        paths: impl IntoIterator<Item = impl Into<String>>,
        handler: impl Fn(&str, &str) -> (u16, String) + Send + 'static,
    ) -> Self {
        Self {
            handler: Some(Box::new(handler)),
            ..Self::new(paths, String::new())
        }
    }
}

struct Content {
    resources: Vec<Resource>,
    stopped: bool,
}

impl Content {
    fn at(&mut self, path: &str) -> Option<&mut Resource> {
        let mut resources = self.resources.iter_mut();
        resources.find(|resource| resource.paths.iter().any(|known| known == path))
    }
}

/// State that the issuer shares with the threads.
pub(super) struct Site {
    content: Mutex<Content>,
    changed: Condvar,
}

impl Site {
    fn read(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Content) -> T) -> T {
        let result = change(&mut self.read());
        self.changed.notify_all();
        result
    }

    /// Reads or changes the resource at a path, if there is one.
    pub(super) fn resource<T>(&self, path: &str, f: impl FnOnce(&mut Resource) -> T) -> Option<T> {
        self.change(|content| content.at(path).map(f))
    }
}

pub(super) struct Server {
    address: SocketAddr,
    site: Arc<Site>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on a free port. `content` creates the resources for its address.
    pub(super) fn start(content: impl FnOnce(SocketAddr) -> Vec<Resource>) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let resources = content(address);
        let site = Arc::new(Site {
            content: Mutex::new(Content {
                resources,
                stopped: false,
            }),
            changed: Condvar::new(),
        });
        let served = Arc::clone(&site);
        let thread = thread::spawn(move || {
            for connection in listener.incoming() {
                if served.read().stopped {
                    break;
                }
                let served = Arc::clone(&served);
                // An I/O error means that the client closed the connection.
                thread::spawn(move || connection.and_then(|stream| serve(&stream, &served)));
            }
        });
        Ok(Self {
            address,
            site,
            thread: Some(thread),
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn site(&self) -> &Site {
        &self.site
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.site.change(|content| content.stopped = true);
        // The thread waits for a connection, so this wakes it.
        let woken = TcpStream::connect(self.address).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

fn serve(mut stream: &TcpStream, site: &Site) -> io::Result<()> {
    let head = read_head(stream)?;
    let body = read_body(stream, &head)?;
    let path = head.split(' ').nth(1).unwrap_or_default();
    if site
        .resource(path, |resource| resource.requests += 1)
        .is_none()
    {
        return stream.write_all(&response(404, "", ""));
    }
    let waited = site.changed.wait_while(site.read(), |content| {
        let is_silent = |resource: &mut Resource| resource.response == IssuerResponse::Never;
        content.at(path).is_some_and(is_silent) && !content.stopped
    });
    let mut content = waited.unwrap_or_else(PoisonError::into_inner);
    if let Some(IssuerResponse::Delayed(delay)) = content.at(path).map(|r| r.response.clone()) {
        let waited = site
            .changed
            .wait_timeout_while(content, delay, |content| !content.stopped);
        content = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
    let response = content
        .at(path)
        .map(|resource| respond(resource, &head, &body));
    let response = response.unwrap_or_default();
    drop(content);
    stream.write_all(&response)
}

fn respond(resource: &mut Resource, head: &str, body: &str) -> Vec<u8> {
    let tag = format!("ETag: {}\r\n", resource.tag);
    match &resource.response {
        IssuerResponse::Document | IssuerResponse::Delayed(_) => match &resource.handler {
            Some(handler) => {
                let (status, body) = handler(head, body);
                response(status, "", &body)
            }
            None if has_tag(head, &resource.tag) => {
                resource.not_modified += 1;
                response(304, &tag, "")
            }
            None => response(200, &tag, &resource.document),
        },
        IssuerResponse::Never | IssuerResponse::Close => Vec::new(),
        IssuerResponse::Status(status) => response(*status, "", ""),
        IssuerResponse::Redirect(url) => response(302, &format!("Location: {url}\r\n"), ""),
        IssuerResponse::Body(body) => response(200, "", body),
    }
}

/// Returns whether the request already has the document with this `ETag`.
fn has_tag(head: &str, tag: &str) -> bool {
    head.lines().any(|line| {
        line.split_once(':').is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case("if-none-match") && value.trim() == tag
        })
    })
}

fn response(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Test\r\nContent-Type: application/json\r\n{headers}Content-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

fn read_head(mut stream: &TcpStream) -> io::Result<String> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && head.len() < MAX_HEAD {
        stream.read_exact(&mut byte)?;
        head.extend_from_slice(&byte);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Reads the body of a request that has a `Content-Length`.
fn read_body(mut stream: &TcpStream, head: &str) -> io::Result<String> {
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse().ok()).flatten()
    });
    let length: usize = length.unwrap_or_default();
    let mut body = vec![0; length.min(MAX_BODY)];
    stream.read_exact(&mut body)?;
    Ok(String::from_utf8_lossy(&body).into_owned())
}
