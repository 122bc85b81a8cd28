//! A client of HTTP/2.

use std::io;

use bytes::Bytes;
use h2::client::{self, SendRequest};
use tokio::time::timeout;

use crate::http1::{Client, PATIENCE};
use crate::message::{Request, Response};

/// A connection for many requests at the same time.
#[derive(Clone)]
pub(crate) struct Http2Connection(SendRequest<Bytes>);

impl Http2Connection {
    pub(crate) async fn open(client: Client) -> io::Result<Self> {
        let stream = client.connect().await?;
        let (sender, connection) = timeout(PATIENCE, client::handshake(stream))
            .await?
            .map_err(io::Error::other)?;
        // It ends with the last sender, or when the server closes it, which the senders report.
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    pub(crate) async fn send(&self, request: &Request) -> io::Result<Response> {
        let response = timeout(PATIENCE, self.exchange(request)).await?;
        response.map_err(io::Error::other)
    }

    async fn exchange(&self, request: &Request) -> Result<Response, h2::Error> {
        let Ok((head, content)) = request.head_and_body() else {
            return Err(h2::Reason::PROTOCOL_ERROR.into());
        };
        let mut sender = self.0.clone().ready().await?;
        let (response, mut stream) = sender.send_request(head, content.is_empty())?;
        if !content.is_empty() {
            stream.send_data(content, true)?;
        }
        let (head, mut content) = response.await?.into_parts();
        let mut body = Vec::new();
        while let Some(data) = content.data().await {
            let data = data?;
            content.flow_control().release_capacity(data.len())?;
            body.extend_from_slice(&data);
        }
        Ok(Response {
            status: head.status.as_u16(),
            body,
        })
    }
}
