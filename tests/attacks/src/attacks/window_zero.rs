//! HTTP/2 with a flow-control window of 0: the server cannot send a single byte of a body.

use std::future::poll_fn;

use bytes::Bytes;
use h2::client::{self, SendRequest};

use super::unread::{Unread, hold};
use crate::Outcome;
use crate::http1::Client;
use crate::report::Report;
use crate::server::{Binary, Fixture};

#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    unread: Unread,
    /// The number of requests on each connection
    #[arg(long, default_value_t = 128)]
    streams: usize,
}

pub(crate) async fn run(options: &Options, binary: &Binary, report: &mut Report) -> Outcome<()> {
    let fixture = Fixture::start(binary).await?;
    let (attacker, streams) = (fixture.attacker(), options.streams);
    report.title(&format!(
        "{} connections of HTTP/2 with a window of 0, {streams} × GET {} on each",
        options.unread.connections, options.unread.path
    ));
    hold(&options.unread, &fixture, report, || {
        let path = options.unread.path.clone();
        async move {
            // The connection may end at any time: this is what the server should do.
            let _ = request_without_window(attacker, path, streams).await;
        }
    })
    .await
}

/// Sends requests on one connection, and returns when the connection is closed.
async fn request_without_window(attacker: Client, path: String, streams: usize) -> Outcome<()> {
    let stream = attacker.connect().await?;
    let mut builder = client::Builder::new();
    builder.initial_window_size(0);
    let (mut sender, connection) = builder.handshake::<_, Bytes>(stream).await?;
    let requests = async {
        let mut responses = Vec::new();
        for _ in 0..streams {
            match request(&mut sender, &path).await {
                Ok(response) => responses.push(response),
                Err(_) => break,
            }
        }
        // Dropping a response would reset its stream.
        std::future::pending::<()>().await;
        drop(responses);
    };
    tokio::select! {
        ended = connection => Ok(ended?),
        () = requests => Ok(()),
    }
}

async fn request(sender: &mut SendRequest<Bytes>, path: &str) -> Outcome<client::ResponseFuture> {
    poll_fn(|context| sender.poll_ready(context)).await?;
    let request = http::Request::get(format!("http://localhost{path}")).body(())?;
    Ok(sender.send_request(request, true)?.0)
}
