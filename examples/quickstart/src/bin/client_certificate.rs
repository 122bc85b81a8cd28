//! An axum service for clients with certificates: `client_certificate AUTHORITY CERTIFICATE KEY`, files in PEM.

use std::sync::Arc;

use axum::{Extension, Router, routing::get};
use countersign::credentials::ClientCertificate;
use countersign::mechanism::CertificateSubjects;
use countersign::{AuthLayer, Principal};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::{server::conn::auto::Builder, service::TowerToHyperService};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio_rustls::rustls::{RootCertStore, ServerConfig, server::WebPkiClientVerifier};

type Error = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mut files = std::env::args().skip(1);
    let mut file = || files.next().ok_or("expected AUTHORITY CERTIFICATE KEY");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file()?)?)?;
    let chain = vec![CertificateDer::from_pem_file(file()?)?];
    let key = PrivateKeyDer::from_pem_file(file()?)?;
    let clients = WebPkiClientVerifier::builder(roots.into()).allow_unauthenticated();
    let tls = ServerConfig::builder().with_client_cert_verifier(clients.build()?);
    let acceptor = TlsAcceptor::from(Arc::new(tls.with_single_cert(chain, key)?));
    let subjects = CertificateSubjects::new(|certificate| {
        let mut uris = certificate.uris();
        let workload = uris.find(|uri| uri.starts_with("spiffe://acme.example/"))?;
        Some((workload.to_owned(), "calls:read".parse().ok()?))
    });
    let app = Router::new()
        .route("/calls", get(list_calls))
        .layer(AuthLayer::builder().mechanism(subjects).build()?);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("https://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve(stream, acceptor.clone(), app.clone()));
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, app: Router) -> Result<(), Error> {
    let stream = acceptor.accept(stream).await?;
    let chain = stream.get_ref().1.peer_certificates();
    let app = match chain.and_then(<[_]>::first) {
        Some(leaf) => app.layer(Extension(ClientCertificate::from_der(leaf)?)),
        None => app,
    };
    let (service, io) = (TowerToHyperService::new(app), TokioIo::new(stream));
    Builder::new(TokioExecutor::new())
        .serve_connection(io, service)
        .await
}

async fn list_calls(principal: Principal) -> String {
    format!("the calls of {}", principal.subject())
}
