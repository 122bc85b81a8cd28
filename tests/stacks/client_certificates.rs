//! Client certificates over real TLS connections: who a request is of, and what the certificate does not override.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use countersign::credentials::ClientCertificate;
use countersign::mechanism::ClientCertificates;
use countersign::time::Timestamp;
use countersign::{AuthLayer, Principal};
use countersign_tests::{Authority, IssuedCertificate};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::client::{self, Received};
use crate::fixture::{Fixture, basic, bearer, get, text};

const CHALLENGE: &str = r#"ClientCertificate realm="countersign""#;
const MAPPED: &str = "spiffe://acme.example/billing";
const REVOKED: &str = "spiffe://acme.example/revoked";
const UNMAPPED: &str = "spiffe://acme.example/other";

/// The headers of a request.
type Headers<'a> = &'a [(&'a str, &'a [u8])];

fn roots(authority: &Authority) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate().der().clone()).unwrap();
    Arc::new(roots)
}

/// Returns the chain of a certificate, and its key.
fn identity(issued: &IssuedCertificate) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let key = PrivateKeyDer::Pkcs8(issued.key.serialize_der().into());
    (vec![issued.certificate.der().clone()], key)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Starts a server that asks clients for certificates, and does not require one.
async fn serve(authority: &Authority, layer: AuthLayer) -> SocketAddr {
    let verifier = WebPkiClientVerifier::builder_with_provider(roots(authority), provider())
        .allow_unauthenticated()
        .build()
        .unwrap();
    let (chain, key) = identity(&authority.server(2100));
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let whoami = service_fn(|request: Request<Incoming>| async move {
        let principal = request.extensions().get::<Principal>().unwrap();
        let primary = if principal.primary().is_some() {
            "primary"
        } else {
            "derived"
        };
        let scheme = principal.scheme().as_str();
        let text = format!("{scheme} {primary} {}", principal.subject());
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(text)))
    });
    let service = layer.layer(whoami);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, service) = (acceptor.clone(), service.clone());
            tokio::spawn(async move {
                // The handshake fails if the certificate of the client is of another authority.
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let chain = stream.get_ref().1.peer_certificates();
                let leaf = chain.and_then(<[_]>::first);
                let certificate = leaf.map(|leaf| ClientCertificate::from_der(leaf).unwrap());
                let service = service.map_request(move |mut request: Request<Incoming>| {
                    if let Some(certificate) = &certificate {
                        request.extensions_mut().insert(certificate.clone());
                    }
                    request
                });
                let service = TowerToHyperService::new(service);
                let builder = Builder::new(TokioExecutor::new());
                let _ = builder
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    address
}

/// A TLS connection of a client.
struct Connection(SendRequest<Full<Bytes>>);

impl Connection {
    async fn open(
        address: SocketAddr,
        authority: &Authority,
        client: Option<&IssuedCertificate>,
    ) -> Self {
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots(authority));
        let config = match client {
            Some(client) => {
                let (chain, key) = identity(client);
                config.with_client_auth_cert(chain, key).unwrap()
            }
            None => config.with_no_client_auth(),
        };
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let stream = TokioIo::new(connector.connect(name, stream).await.unwrap());
        let (sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    async fn send(&mut self, method: &str, headers: &[(&str, &[u8])]) -> hyper::Result<Received> {
        let mut request = get("/", headers);
        *request.method_mut() = method.parse().unwrap();
        request
            .headers_mut()
            .insert("host", "localhost".parse().unwrap());
        let response = self.0.send_request(request).await?;
        Ok(client::receive(response).await)
    }

    async fn get(&mut self, headers: &[(&str, &[u8])]) -> Received {
        self.send("GET", headers).await.unwrap()
    }
}

/// A server over the layer of a fixture, and the authority of its clients.
struct Tls {
    fixture: Fixture,
    authority: Authority,
    address: SocketAddr,
}

impl Tls {
    async fn start() -> Self {
        let (fixture, authority) = (Fixture::new().await, Authority::default());
        let address = serve(&authority, layer(&fixture)).await;
        Self {
            fixture,
            authority,
            address,
        }
    }

    /// Connects with a certificate of this URI.
    async fn connect(&self, uri: &str) -> Connection {
        self.connect_with(Some(&self.authority.client(uri))).await
    }

    async fn connect_with(&self, client: Option<&IssuedCertificate>) -> Connection {
        Connection::open(self.address, &self.authority, client).await
    }
}

/// The layer of the fixture, with client certificates for its key and its revoked key.
fn layer(fixture: &Fixture) -> AuthLayer {
    let (key, revoked) = (fixture.key.record.id, fixture.revoked.record.id);
    let find = move |certificate: &ClientCertificate| match certificate.uris().next()? {
        MAPPED => Some(key),
        REVOKED => Some(revoked),
        _ => None,
    };
    let certificates = ClientCertificates::new(fixture.directory.clone(), find);
    fixture.builder().primary(certificates).build().unwrap()
}

#[tokio::test]
async fn certificate_authenticates_its_credential_as_primary() {
    let tls = Tls::start().await;
    let mut connection = tls.connect(MAPPED).await;
    let id = tls.fixture.key.record.id;
    for _ in 0..2 {
        let accepted = connection.get(&[]).await;
        assert_eq!(accepted.body, format!("client_certificate primary {id}"));
    }
    tls.fixture.directory.go_stale();
    assert_eq!(connection.get(&[]).await.status.as_u16(), 503);
}

#[tokio::test]
async fn credentials_in_headers_count_in_place_of_the_certificate() {
    let tls = Tls::start().await;
    let mut connection = tls.connect(MAPPED).await;
    let token = bearer(&tls.fixture.token);
    let other = tls.fixture.other.record.id;
    let other_key = text(&tls.fixture.other.issued.key);
    let pair = basic(&other.to_string(), tls.fixture.other.issued.secret.expose());

    let by_token = connection.get(&[("authorization", &token)]).await;
    let own = tls.fixture.key.record.id;
    assert_eq!(by_token.body, format!("bearer derived {own}"));
    let by_key = connection.get(&[("x-api-key", other_key)]).await;
    assert_eq!(by_key.body, format!("api_key primary {other}"));
    let by_pair = connection.get(&[("authorization", &pair)]).await;
    assert_eq!(by_pair.body, format!("basic primary {other}"));

    let rejected: [(Headers<'_>, u16); 7] = [
        (&[("authorization", b"Bearer a.b.c")], 401),
        (&[("authorization", b"Bearer")], 400),
        (&[("authorization", b"Basic !")], 401),
        (&[("x-api-key", b"cs_bad")], 401),
        (&[("authorization", b"Digest a=b")], 401),
        (&[("authorization", &token), ("x-api-key", other_key)], 400),
        (&[("authorization", &token), ("authorization", &token)], 400),
    ];
    for (headers, status) in rejected {
        let response = connection.get(headers).await;
        assert_eq!(response.status.as_u16(), status, "{headers:?}");
    }
    // Nothing of these requests is left on the connection.
    assert_eq!(connection.get(&[]).await.status.as_u16(), 200);
}

#[tokio::test]
async fn certificate_without_a_usable_credential_is_rejected_with_its_challenge() {
    let tls = Tls::start().await;
    let mut responses = Vec::new();
    for uri in [UNMAPPED, REVOKED] {
        let mut connection = tls.connect(uri).await;
        responses.push(connection.get(&[]).await.without_date());
    }
    assert_eq!(responses[0].status.as_u16(), 401);
    assert_eq!(responses[0].challenges(), [CHALLENGE]);
    assert_eq!(responses[0], responses[1]);
}

#[tokio::test]
async fn connection_without_a_certificate_has_only_its_other_credentials() {
    let tls = Tls::start().await;
    let mut connection = tls.connect_with(None).await;
    let missing = connection.get(&[]).await;
    assert_eq!(missing.status.as_u16(), 401);
    assert!(
        missing.challenges().contains(&CHALLENGE),
        "{:?}",
        missing.challenges()
    );
    let forged = connection.get(&[("client-cert", b":AA==:"), ("x-client-cert", b"billing")]);
    assert_eq!(forged.await.status.as_u16(), 401);
    let token = bearer(&tls.fixture.token);
    let accepted = connection.get(&[("authorization", &token)]).await;
    assert_eq!(accepted.status.as_u16(), 200);
}

#[tokio::test]
async fn certificate_of_another_authority_does_not_connect() {
    let tls = Tls::start().await;
    let client = Authority::default().client(MAPPED);
    let mut connection = tls.connect_with(Some(&client)).await;
    // In TLS 1.3, the client learns it with the first response.
    assert!(connection.send("GET", &[]).await.is_err());
}

#[tokio::test]
async fn connection_that_outlasts_its_certificate_is_rejected() {
    let tls = Tls::start().await;
    let mut connection = tls.connect(MAPPED).await;
    assert_eq!(connection.get(&[]).await.status.as_u16(), 200);
    let end = Timestamp::parse_rfc3339("2100-01-01T00:00:00Z").unwrap();
    tls.fixture.clock.set(end);
    let expired = connection.get(&[]).await;
    assert_eq!(expired.status.as_u16(), 401);
    assert_eq!(expired.challenges(), [CHALLENGE]);
}

// A browser sends the certificate, whichever page causes the request.
#[tokio::test]
async fn request_of_another_site_that_may_change_something_is_forbidden() {
    let tls = Tls::start().await;
    let mut connection = tls.connect(MAPPED).await;
    let cases: [(&str, Headers<'_>, u16); 6] = [
        ("POST", &[], 200),
        ("POST", &[("sec-fetch-site", b"same-origin")], 200),
        ("GET", &[("sec-fetch-site", b"cross-site")], 200),
        ("POST", &[("sec-fetch-site", b"cross-site")], 403),
        ("DELETE", &[("origin", b"https://other.example")], 403),
        (
            "GET",
            &[("upgrade", b"websocket"), ("origin", b"null")],
            403,
        ),
    ];
    for (method, headers, status) in cases {
        let response = connection.send(method, headers).await.unwrap();
        assert_eq!(response.status.as_u16(), status, "{method} {headers:?}");
    }
}
