//! HTTP/1.1 clients that send one request after another, and never read a response.

use std::future::pending;

use tokio::io::{AsyncWriteExt as _, Interest};
use tokio::net::TcpStream;

use super::unread::{Unread, hold};
use crate::Outcome;
use crate::http1::Client;
use crate::message::Request;
use crate::report::Report;
use crate::server::{Binary, Fixture};

/// The receive buffer of the attacker in bytes. It is small, so that the responses stay with the server.
const BUFFER: u32 = 4096;

#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    unread: Unread,
    /// The number of requests on each connection
    #[arg(long, default_value_t = 1000)]
    requests: usize,
}

pub(crate) async fn run(options: &Options, binary: &Binary, report: &mut Report) -> Outcome<()> {
    let fixture = Fixture::start(binary).await?;
    let attacker = fixture.attacker();
    report.title(&format!(
        "{} connections of HTTP/1.1 that never read, {} × GET {} on each",
        options.unread.connections, options.requests, options.unread.path
    ));
    let requests = Request::get(&options.unread.path).bytes();
    let requests = requests.repeat(options.requests);
    hold(&options.unread, &fixture, report, || {
        let requests = requests.clone();
        async move {
            // The connection may end at any time: this is what the server should do.
            let _ = write_only(attacker, &requests).await;
        }
    })
    .await
}

/// Sends requests on one connection, and returns when the connection has failed.
async fn write_only(attacker: Client, requests: &[u8]) -> Outcome<()> {
    let mut stream: TcpStream = attacker
        .connect_with(|socket| socket.set_recv_buffer_size(BUFFER))
        .await?;
    stream.write_all(requests).await?;
    stream.ready(Interest::ERROR).await?;
    pending().await
}
