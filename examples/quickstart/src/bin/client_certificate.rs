//! An axum service for clients with certificates: `client_certificate CERTIFICATE KEY AUTHORITIES`, files in PEM.

use axum::{Router, routing::get};
use countersign::mechanism::CertificateSubjects;
use countersign::tls::{TlsAcceptor, TlsListener, TlsMakeService};
use countersign::{AuthLayer, Principal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut files = std::env::args().skip(1);
    let mut next = |name: &str| files.next().ok_or(format!("missing argument: {name}"));
    let tls = TlsAcceptor::pem_files(next("CERTIFICATE")?, next("KEY")?);
    let tls = tls.client_authorities(next("AUTHORITIES")?).build()?;
    let subjects = CertificateSubjects::new(|certificate| {
        let mut uris = certificate.uris();
        let workload = uris.find(|uri| uri.starts_with("spiffe://acme.example/"))?;
        Some((workload.to_owned(), "calls:read".parse().ok()?))
    });
    let app = Router::new()
        .route("/calls", get(list_calls))
        .layer(AuthLayer::builder().mechanism(subjects).build()?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("https://{}", listener.local_addr()?);
    let listener = TlsListener::new(listener, tls);
    Ok(axum::serve(listener, TlsMakeService::new(app)).await?)
}

async fn list_calls(principal: Principal) -> String {
    format!("the calls of {}", principal.subject())
}
