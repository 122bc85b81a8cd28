//! A client of HTTP/1.1.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::message::{Request, Response};

/// How long a response may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

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

    /// Opens a connection.
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

    async fn open(&self) -> io::Result<Connection> {
        Ok(Connection(BufReader::new(self.connect().await?)))
    }

    /// Sends a request on a new connection.
    pub(crate) async fn send(&self, request: &Request) -> io::Result<Response> {
        Ok(self.open().await?.send(request).await?.0)
    }
}

/// A connection for one request after another.
struct Connection(BufReader<TcpStream>);

impl Connection {
    /// Sends a request; returns the response, and whether the server closes the connection.
    async fn send(&mut self, request: &Request) -> io::Result<(Response, bool)> {
        timeout(PATIENCE, self.exchange(request)).await?
    }

    async fn exchange(&mut self, request: &Request) -> io::Result<(Response, bool)> {
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
        Ok((Response { status, body }, closes))
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
        let (response, closes) = connection.send(request).await?;
        if !closes {
            self.connection = Some(connection);
        }
        Ok(response)
    }
}
