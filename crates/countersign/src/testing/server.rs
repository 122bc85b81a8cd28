//! The HTTP half of a test issuer: threads and sockets of the standard library, so that it serves tests on any
//! runtime, and one whose time stands still.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The longest head of a request, in bytes.
const MAX_HEAD: usize = 16 * 1024;

/// What a [`TestIssuer`](super::TestIssuer) answers when one of its documents is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// The document, or 304 to whoever has it.
    Document,
    /// The document, so long after it was asked for.
    After(Duration),
    /// Nothing, until the answer is set to something else, which is given then.
    Never,
    /// This status, without a body.
    Status(u16),
    /// A redirect (302) to this URL.
    Redirect(String),
    /// 200 with this body in the document's place.
    Body(String),
    /// The connection is closed without a word.
    Close,
}

/// What is served, and how often it was asked for.
pub(super) struct Served {
    pub(super) document: String,
    pub(super) tag: String,
    pub(super) answer: Answer,
    pub(super) requests: u64,
    pub(super) not_modified: u64,
}

impl Served {
    pub(super) fn new(document: String) -> Self {
        Self {
            document,
            tag: "\"0\"".to_owned(),
            answer: Answer::Document,
            requests: 0,
            not_modified: 0,
        }
    }
}

pub(super) struct Content {
    pub(super) metadata: Served,
    pub(super) keys: Served,
    stopped: bool,
}

/// Shared by the issuer and the threads.
pub(super) struct Site {
    content: Mutex<Content>,
    changed: Condvar,
}

impl Site {
    pub(super) fn read(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Content)) {
        change(&mut self.read());
        self.changed.notify_all();
    }
}

pub(super) struct Server {
    address: SocketAddr,
    site: Arc<Site>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on a free port. `content` is told the address.
    pub(super) fn start(content: impl FnOnce(SocketAddr) -> [Served; 2]) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let [metadata, keys] = content(address);
        let site = Arc::new(Site {
            content: Mutex::new(Content {
                metadata,
                keys,
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
                // Whoever goes away in the middle is served no further.
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
        // It waits for a connection: this is one.
        let woken = TcpStream::connect(self.address).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

fn serve(mut stream: &TcpStream, site: &Site) -> io::Result<()> {
    let head = head(stream)?;
    let path = head.split(' ').nth(1).unwrap_or_default();
    let served: fn(&mut Content) -> &mut Served = match path {
        "/jwks.json" => |content| &mut content.keys,
        "/.well-known/oauth-authorization-server" | "/.well-known/openid-configuration" => {
            |content| &mut content.metadata
        }
        _ => return stream.write_all(&response(404, "", "")),
    };
    site.change(|content| served(content).requests += 1);
    let held = site.changed.wait_while(site.read(), |content| {
        served(content).answer == Answer::Never && !content.stopped
    });
    let mut content = held.unwrap_or_else(PoisonError::into_inner);
    if let Answer::After(delay) = served(&mut content).answer {
        let waited = site
            .changed
            .wait_timeout_while(content, delay, |content| !content.stopped);
        content = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
    let answer = answer(served(&mut content), &head);
    drop(content);
    stream.write_all(&answer)
}

fn answer(served: &mut Served, head: &str) -> Vec<u8> {
    let tag = format!("ETag: {}\r\n", served.tag);
    match &served.answer {
        Answer::Document | Answer::After(_) if knows(head, &served.tag) => {
            served.not_modified += 1;
            response(304, &tag, "")
        }
        Answer::Document | Answer::After(_) => response(200, &tag, &served.document),
        Answer::Never | Answer::Close => Vec::new(),
        Answer::Status(status) => response(*status, "", ""),
        Answer::Redirect(url) => response(302, &format!("Location: {url}\r\n"), ""),
        Answer::Body(body) => response(200, "", body),
    }
}

fn knows(head: &str, tag: &str) -> bool {
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

fn head(mut stream: &TcpStream) -> io::Result<String> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && head.len() < MAX_HEAD {
        stream.read_exact(&mut byte)?;
        head.extend_from_slice(&byte);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}
