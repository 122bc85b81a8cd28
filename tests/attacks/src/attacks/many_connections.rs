//! More connections than the server has file descriptors, from one address.

use std::time::Duration;

use clap::ValueEnum;
use h2::client;
use tokio::io::AsyncReadExt as _;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::Outcome;
use crate::http1::Client;
use crate::measure::{check_bystander, check_memory};
use crate::message::Request;
use crate::report::Report;
use crate::server::{Binary, Fixture};

/// The descriptors that the server may have open: the usual limit is 1,024.
const DESCRIPTOR_LIMIT: u64 = 1000;
/// The pause before a connection that was closed is opened again.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The number of connections that are kept open
    #[arg(long, default_value_t = 1100)]
    connections: usize,
    /// The duration in seconds
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// What the connections do
    #[arg(long, value_enum, default_values_t = [Kind::Quiet, Kind::Request, Kind::Ping])]
    kind: Vec<Kind>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Send nothing
    Quiet,
    /// Send one request
    Request,
    /// Send one request over HTTP/2, and answer pings
    Ping,
}

pub(crate) async fn run(options: &Options, binary: &Binary, report: &mut Report) -> Outcome<()> {
    for kind in &options.kind {
        let fixture = Fixture::start(binary).await?;
        let count = options.connections;
        report.title(&format!("{count} connections from one address: {kind:?}"));
        let watch = fixture.watch()?;
        let bystander = fixture.bystander();
        let mut held = JoinSet::new();
        for _ in 0..count {
            held.spawn(keep_open(fixture.attacker(), *kind));
        }
        sleep(Duration::from_secs(options.seconds)).await;
        let figures = bystander.stop().await?;
        let peaks = watch.stop().await?;
        held.shutdown().await;
        check_memory(&peaks, report);
        report.check(
            &format!("the server has at most {DESCRIPTOR_LIMIT} descriptors open"),
            peaks.descriptors <= DESCRIPTOR_LIMIT,
            peaks.descriptors,
        );
        check_bystander(&figures, report);
    }
    Ok(())
}

/// Keeps a connection open, and opens another when it is closed.
async fn keep_open(attacker: Client, kind: Kind) {
    loop {
        // The server may close the connection at any time.
        let _ = match kind {
            Kind::Quiet => wait(attacker, None).await,
            Kind::Request => wait(attacker, Some(Request::get("/healthz"))).await,
            Kind::Ping => ping(attacker).await,
        };
        sleep(PAUSE).await;
    }
}

/// Sends at most one request, and waits until the connection is closed.
async fn wait(attacker: Client, request: Option<Request>) -> Outcome<()> {
    use tokio::io::AsyncWriteExt as _;
    let mut stream = attacker.connect().await?;
    if let Some(request) = request {
        stream.write_all(&request.bytes()).await?;
    }
    let mut buffer = [0; 1024];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}

/// Sends one request over HTTP/2, and answers pings until the connection is closed.
async fn ping(attacker: Client) -> Outcome<()> {
    let stream = attacker.connect().await?;
    let (mut sender, connection) = client::handshake(stream).await?;
    let request = http::Request::get("http://localhost/healthz").body(())?;
    let (response, _) = sender.send_request(request, true)?;
    tokio::spawn(response);
    connection.await?;
    Ok(())
}
