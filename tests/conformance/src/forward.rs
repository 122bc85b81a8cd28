use std::error::Error;
use std::io;

use countersign::testing::TestIssuer;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Starts a proxy for the issuer's keys that ignores the query, and returns its URL.
///
/// `jwt-authorizer` requests the keys with `?kid=…`, and the test issuer responds to its exact paths only.
pub(crate) async fn keys_without_query(
    issuer: &TestIssuer,
) -> Result<String, Box<dyn Error + Send + Sync>> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}/jwks.json", listener.local_addr()?);
    let to = issuer.url().trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            // A request that fails leaves the middleware without keys, which the suite shows.
            tokio::spawn(forward(client, to.clone()));
        }
    });
    Ok(url)
}

async fn forward(client: TcpStream, to: String) -> io::Result<()> {
    let mut client = BufReader::new(client);
    let mut line = String::new();
    client.read_line(&mut line).await?;
    let path = line.split(['?', ' ']).nth(1).unwrap_or_default();
    let mut issuer = TcpStream::connect(to).await?;
    let head = format!("GET {path} HTTP/1.1\r\nHost: issuer\r\n\r\n");
    issuer.write_all(head.as_bytes()).await?;
    tokio::io::copy(&mut issuer, &mut client).await?;
    client.shutdown().await
}
