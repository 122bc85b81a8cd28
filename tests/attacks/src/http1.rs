//! A client of HTTP/1.1.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::Outcome;

/// How long a response may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    head: String,
    body: String,
}

impl Request {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        Self {
            head: format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n"),
            body: String::new(),
        }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub(crate) fn post(path: &str) -> Self {
        Self::new("POST", path)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.head += &format!("{name}: {value}\r\n");
        self
    }

    pub(crate) fn basic(self, name: &str, secret: &str) -> Self {
        let pair = STANDARD.encode(format!("{name}:{secret}"));
        self.header("authorization", &format!("Basic {pair}"))
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn form(self, form: &str) -> Self {
        self.body("application/x-www-form-urlencoded", form)
    }

    pub(crate) fn json(self, value: &Value) -> Self {
        self.body("application/json", &value.to_string())
    }

    /// Sets the body and its content type.
    pub(crate) fn body(mut self, content_type: &str, body: &str) -> Self {
        self.body = body.to_owned();
        self.header("content-type", content_type)
    }

    /// Returns the request as it is sent.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let length = self.body.len();
        format!("{}content-length: {length}\r\n\r\n{}", self.head, self.body).into_bytes()
    }
}

/// A response.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    closes: bool,
}

impl Response {
    /// Returns a member of the body that is a string, if the response is a success.
    pub(crate) fn text(&self, name: &str) -> Outcome<String> {
        if !(200..300).contains(&self.status) {
            let body = String::from_utf8_lossy(&self.body);
            return Err(format!("status {}: {body}", self.status).into());
        }
        crate::server::text(&self.json()?, name)
    }

    pub(crate) fn json(&self) -> Outcome<Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}

/// A client at one address of the loopback.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    server: SocketAddr,
    source: IpAddr,
}

impl Client {
    pub(crate) fn at(server: SocketAddr, source: IpAddr) -> Self {
        Self { server, source }
    }

    /// Opens a connection whose receive buffer has the default size.
    pub(crate) async fn connect(&self) -> io::Result<TcpStream> {
        self.connect_with(|_| Ok(())).await
    }

    /// Opens a connection from a socket with other options.
    pub(crate) async fn connect_with(
        &self,
        set: impl FnOnce(&TcpSocket) -> io::Result<()>,
    ) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        set(&socket)?;
        socket.bind(SocketAddr::new(self.source, 0))?;
        let stream = timeout(PATIENCE, socket.connect(self.server)).await??;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    pub(crate) async fn open(&self) -> io::Result<Connection> {
        Ok(Connection(BufReader::new(self.connect().await?)))
    }

    /// Sends a request on a new connection.
    pub(crate) async fn send(&self, request: &Request) -> io::Result<Response> {
        self.open().await?.send(request).await
    }
}

/// A connection for one request after another.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) async fn send(&mut self, request: &Request) -> io::Result<Response> {
        timeout(PATIENCE, self.exchange(request)).await?
    }

    async fn exchange(&mut self, request: &Request) -> io::Result<Response> {
        self.0.write_all(&request.bytes()).await?;
        let malformed = || io::Error::new(io::ErrorKind::InvalidData, "malformed response");
        let mut line = self.line().await?;
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .ok_or_else(malformed)?;
        let (mut length, mut closes) = (0, false);
        loop {
            line = self.line().await?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(malformed)?;
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().map_err(|_| malformed())?,
                "connection" => closes = value.eq_ignore_ascii_case("close"),
                "transfer-encoding" => return Err(malformed()),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await?;
        Ok(Response {
            status,
            body,
            closes,
        })
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        line.truncate(line.trim_end().len());
        Ok(line)
    }
}

/// A connection that is opened again after the server has closed it.
pub(crate) struct Reconnecting {
    client: Client,
    connection: Option<Connection>,
}

impl Reconnecting {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            connection: None,
        }
    }

    pub(crate) async fn send(&mut self, request: &Request) -> io::Result<Response> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.client.open().await?,
        };
        let response = connection.send(request).await?;
        if !response.closes {
            self.connection = Some(connection);
        }
        Ok(response)
    }
}
