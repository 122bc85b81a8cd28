//! New certificates and a new configuration, again and again, while clients send requests over TLS.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, Issuer, KeyPair, SigningKey,
};
use rustix::process::{Signal, kill_process};
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::Outcome;
use crate::measure::Figures;
use crate::message::Response;
use crate::report::Report;
use crate::server::{Binary, Home, Server};

/// How long the last configuration may take to apply.
const APPLIED: Duration = Duration::from_secs(5);

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The duration in seconds
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// The number of clients; one half of them opens a connection for each request
    #[arg(long, default_value_t = 8)]
    clients: usize,
    /// The time between two changes in milliseconds
    #[arg(long, default_value_t = 500)]
    every: u64,
}

pub(crate) async fn run(options: &Options, binary: &Binary, report: &mut Report) -> Outcome<()> {
    report.title(&format!(
        "A new certificate and configuration every {} ms, and {} clients over TLS",
        options.every, options.clients
    ));
    let home = Home::new(binary, &configuration(1))?;
    let mut params = CertificateParams::new([])?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let name = &mut params.distinguished_name;
    name.push(DnType::CommonName, "authority");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    fs::write(home.path().join("authority.pem"), authority.pem())?;
    write_certificate(home.path(), &authority)?;
    let key = home.create_key("client", "calls:read").await?.key;
    let server = Server::start(&home).await?;
    let curl = Curl {
        folder: home.path(),
        port: server.address().port(),
        key: &key,
    };

    let end = Instant::now() + Duration::from_secs(options.seconds);
    let mut clients = JoinSet::new();
    for client in 0..options.clients {
        let connection: &[&str] = match client % 2 {
            0 => &["--http2"],
            _ => &["--http1.1", "--header", "connection: close"],
        };
        clients.spawn(load(curl.command("/whoami?n=[1-50]", connection), end));
    }
    let mut changes = 1;
    while Instant::now() < end {
        sleep(Duration::from_millis(options.every)).await;
        changes += 1;
        write_certificate(home.path(), &authority)?;
        home.configure(&configuration(changes))?;
        kill_process(server.pid(), Signal::HUP)?;
    }
    let mut figures = Figures::default();
    while let Some(client) = clients.join_next().await {
        figures.merge(client??);
    }
    report.figure("requests", &figures);
    report.figure("changes", changes - 1);
    report.check(
        "no request is lost",
        figures.all_have("200"),
        figures.statuses(),
    );
    let expected = format!("\"expires_in\":{}", 60 * lifetime(changes));
    let applied = timeout(APPLIED, async {
        let grant = ["--data", "grant_type=client_credentials"];
        while !curl
            .command("/oauth/token", &grant)
            .text()
            .await?
            .contains(&expected)
        {
            sleep(Duration::from_millis(50)).await;
        }
        Ok::<_, io::Error>(())
    });
    let applied = applied.await.is_ok_and(|applied| applied.is_ok());
    report.check("the last configuration is in use", applied, expected);
    server.stop().await
}

/// Returns the lifetime of tokens after a change, in minutes.
const fn lifetime(change: u64) -> u64 {
    1 + change % 10
}

fn configuration(change: u64) -> String {
    format!(
        "[server.tls]\ncert = \"server.pem\"\nkey = \"server.key\"\n[issuer.default]\nlifetime = \"{}m\"\n",
        lifetime(change)
    )
}

/// Replaces the certificate of the server and its key.
fn write_certificate<S: SigningKey>(folder: &Path, authority: &Issuer<'_, S>) -> Outcome<()> {
    let key = KeyPair::generate()?;
    let params = CertificateParams::new(["localhost".to_owned()])?;
    let certificate = params.signed_by(&key, authority)?;
    for (name, text) in [
        ("server.pem", certificate.pem()),
        ("server.key", key.serialize_pem()),
    ] {
        fs::write(folder.join("new"), text)?;
        fs::rename(folder.join("new"), folder.join(name))?;
    }
    Ok(())
}

/// What all requests have in common.
#[derive(Clone, Copy)]
struct Curl<'a> {
    folder: &'a Path,
    port: u16,
    key: &'a str,
}

/// A command of curl.
struct CurlCommand(Command);

impl Curl<'_> {
    fn command(self, path: &str, arguments: &[&str]) -> CurlCommand {
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--noproxy", "*", "--max-time", "30"])
            .args(["--write-out", "\n%{http_code} %{time_total}\n"])
            .args(["--cacert", "authority.pem"])
            .args(["--resolve", &format!("localhost:{}:127.0.0.1", self.port)])
            .args(["--header", &format!("x-api-key: {}", self.key)])
            .args(arguments)
            .arg(format!("https://localhost:{}{path}", self.port))
            .current_dir(self.folder)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        CurlCommand(command)
    }
}

impl CurlCommand {
    async fn text(&mut self) -> io::Result<String> {
        let output = self.0.output().await?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// Runs a command until this time, and returns the statuses and latencies of its requests.
async fn load(mut curl: CurlCommand, end: Instant) -> Outcome<Figures> {
    let mut figures = Figures::default();
    while Instant::now() < end {
        for line in curl.text().await?.lines() {
            let Some((status, seconds)) = line.split_once(' ') else {
                continue;
            };
            let (Ok(status), Ok(seconds)) = (status.parse(), seconds.parse()) else {
                continue;
            };
            let result = match status {
                0 => Err(io::ErrorKind::ConnectionAborted.into()),
                status => Ok(Response {
                    status,
                    body: Vec::new(),
                }),
            };
            figures.add(&result, Duration::from_secs_f64(seconds));
        }
    }
    Ok(figures)
}
