//! `countersign healthcheck`.

use std::net::SocketAddr;
use std::time::Duration;

use http::Uri;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::CommandResult;
use super::report::Report;
use crate::config::ServerSettings;
use crate::error::CommandError;
use crate::issuer::reachable;

const TIMEOUT: Duration = Duration::from_secs(5);
/// The length of `HTTP/1.1 200`.
const STATUS_LINE: usize = 12;

/// Asks the server at a URL, or at the configured address.
pub(super) async fn run(url: Option<&Uri>, server: &ServerSettings) -> CommandResult {
    let (authority, path) = match url {
        Some(url) => target(url)?,
        None => (configured(server)?.to_string(), "/readyz".to_owned()),
    };
    let asked = tokio::time::timeout(TIMEOUT, ask(&authority, &path)).await;
    let status = match asked {
        Ok(Ok(status)) => status,
        Ok(Err(error)) => {
            return Err(CommandError::new(format!(
                "{authority} does not answer: {error}"
            )));
        }
        Err(_) => {
            let seconds = TIMEOUT.as_secs();
            let text = format!("{authority} does not answer within {seconds} seconds");
            return Err(CommandError::new(text));
        }
    };
    let is_ready = (200..300).contains(&status);
    let text = match is_ready {
        true => "ready".to_owned(),
        false => format!("not ready: {path} at {authority} has the status {status}"),
    };
    let response = json!({ "ready": is_ready, "status": status });
    Ok(Report::new(&response, text)?.failed_if(!is_ready))
}

/// Returns the address that the configuration names.
fn configured(server: &ServerSettings) -> Result<SocketAddr, CommandError> {
    match (server.management_listen, &server.tls) {
        (Some(management), _) => Ok(reachable(management)),
        (None, None) => Ok(reachable(server.listen)),
        (None, Some(_)) => Err(CommandError::new(
            "the server speaks TLS: set `management_listen` in [server], which answers in plain HTTP",
        )),
    }
}

/// Returns the address and the path of a URL.
fn target(url: &Uri) -> Result<(String, String), CommandError> {
    let host = url.host().filter(|_| url.scheme_str() == Some("http"));
    let host = host
        .ok_or_else(|| CommandError::new("expected a URL such as http://127.0.0.1:8080/readyz"))?;
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    Ok((
        format!("{host}:{}", url.port_u16().unwrap_or(80)),
        path.to_owned(),
    ))
}

/// Sends a request, and returns the status of the response.
async fn ask(authority: &str, path: &str) -> std::io::Result<u16> {
    let mut stream = TcpStream::connect(authority).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut line = [0; STATUS_LINE];
    stream.read_exact(&mut line).await?;
    let status = line
        .strip_prefix(b"HTTP/1.1 ")
        .and_then(|digits| std::str::from_utf8(digits).ok());
    status
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| {
            std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                "this is not a response of HTTP/1.1",
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_must_be_plain_http_and_its_port_may_be_missing() {
        for (url, expected) in [
            (
                "http://127.0.0.1:8080/readyz",
                Some(("127.0.0.1:8080", "/readyz")),
            ),
            ("http://[::1]:1/a?b", Some(("[::1]:1", "/a?b"))),
            ("http://auth.example", Some(("auth.example:80", "/"))),
            ("https://auth.example/readyz", None),
            ("/readyz", None),
        ] {
            let found = target(&url.parse().unwrap()).ok();
            let expected = expected.map(|(host, path)| (host.to_owned(), path.to_owned()));
            assert_eq!(found, expected, "{url}");
        }
    }
}
