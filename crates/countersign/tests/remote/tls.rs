//! The default HTTP client over TLS.

use std::sync::Arc;
use std::time::Duration;

use countersign::remote::{FetchError, HttpClient, RefreshPolicy, RemoteKeys};
use countersign::testing::TestIssuer;
use countersign::time::SystemClock;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// Starts a server with a certificate for `name`. Returns its port, and the root certificate in PEM.
async fn server(name: &str, document: String) -> (u16, String) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new([]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new([name.to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();

    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // The handshake fails if the client does not trust the certificate.
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            assert!(
                request.starts_with("GET /keys?v=1 HTTP/1.1\r\n"),
                "{request}"
            );
            assert!(
                request.contains(&format!("host: localhost:{port}\r\n")),
                "{request}"
            );
            let response = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{document}",
                document.len()
            );
            stream.write_all(response.as_bytes()).await.unwrap();
            let _ = stream.shutdown().await;
        }
    });
    (port, root.pem())
}

async fn fetch(port: u16, client: HttpClient) -> Result<(), FetchError> {
    let url = format!("https://localhost:{port}/keys?v=1");
    let keys = RemoteKeys::jwks(&url).client(client).start().unwrap();
    keys.refresh().await
}

#[tokio::test]
async fn keys_are_fetched_only_from_a_server_with_a_trusted_certificate_for_its_name() {
    let document = TestIssuer::start(SystemClock).unwrap().jwks();
    let (port, root) = server("localhost", document.clone()).await;
    let (_, other_root) = server("localhost", document.clone()).await;
    let trusting = |root: &str| HttpClient::with_roots(root.as_bytes()).unwrap();
    assert_eq!(fetch(port, trusting(&root)).await, Ok(()));
    assert_eq!(
        fetch(port, trusting(&other_root)).await,
        Err(FetchError::Client)
    );

    let (elsewhere, root) = server("elsewhere.example", document).await;
    assert_eq!(
        fetch(elsewhere, trusting(&root)).await,
        Err(FetchError::Client)
    );
}

#[tokio::test]
async fn https_url_is_never_fetched_over_plain_http() {
    let issuer = TestIssuer::start(SystemClock).unwrap();
    let (_, root) = server("localhost", issuer.jwks()).await;
    let url = issuer.jwks_url().replacen("http://", "https://", 1);
    let client = HttpClient::with_roots(root.as_bytes()).unwrap();
    let policy = RefreshPolicy {
        timeout: Duration::from_millis(300),
        ..RefreshPolicy::default()
    };
    let keys = RemoteKeys::jwks(&url).client(client).policy(policy);
    // The server waits for the end of a request, which a TLS handshake does not contain.
    let result = keys.start().unwrap().refresh().await;
    assert_eq!(result, Err(FetchError::Timeout));
    assert_eq!(issuer.key_fetches(), 0);
}

#[test]
fn client_without_root_certificates_is_a_build_error() {
    assert!(HttpClient::with_roots(b"").is_err());
}
