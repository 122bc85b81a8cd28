use std::error::Error;
use std::io;

use countersign::testing::TestIssuer;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A URL of the issuer's keys at which a query is of no account: `jwt-authorizer` asks with `?kid=…`, and the test
/// issuer knows its paths only as they are.
pub(crate) async fn keys_without_query(
    issuer: &TestIssuer,
) -> Result<String, Box<dyn Error + Send + Sync>> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}/jwks.json", listener.local_addr()?);
    let to = issuer.url().trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((asking, _)) = listener.accept().await {
            // Who is not answered is not given keys, which the suite would show.
            tokio::spawn(forward(asking, to.clone()));
        }
    });
    Ok(url)
}

async fn forward(asking: TcpStream, to: String) -> io::Result<()> {
    let mut asking = BufReader::new(asking);
    let mut line = String::new();
    asking.read_line(&mut line).await?;
    let path = line.split(['?', ' ']).nth(1).unwrap_or_default();
    let mut issuer = TcpStream::connect(to).await?;
    let head = format!("GET {path} HTTP/1.1\r\nHost: issuer\r\n\r\n");
    issuer.write_all(head.as_bytes()).await?;
    tokio::io::copy(&mut issuer, &mut asking).await?;
    asking.shutdown().await
}
