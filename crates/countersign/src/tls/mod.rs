//! TLS for servers (feature `tls`): connections are accepted with a deadline, and with the certificate of the client.
//!
//! [`TlsAcceptor`] completes the handshake of a connection. Its certificate is read again when the file changes. Its
//! [`TlsStream`] has the [`ClientCertificate`](crate::credentials::ClientCertificate), which
//! [`ClientCertificates`](crate::mechanism::ClientCertificates) and
//! [`CertificateSubjects`](crate::mechanism::CertificateSubjects) authenticate once it is in the extensions of a request.
//!
//! With the feature `axum-tls`, `TlsListener` and `TlsMakeService` do all of this for `axum::serve`:
//!
//! ```no_run
//! # #[cfg(feature = "axum-tls")]
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::Router;
//! use countersign::AuthLayer;
//! use countersign::mechanism::CertificateSubjects;
//! use countersign::tls::{TlsAcceptor, TlsListener, TlsMakeService};
//!
//! let subjects = CertificateSubjects::new(|certificate| {
//!     let uri = certificate.uris().find(|uri| uri.starts_with("spiffe://acme.example/"))?;
//!     Some((uri.to_owned(), "calls:read".parse().ok()?))
//! });
//! let app = Router::new().layer(AuthLayer::builder().mechanism(subjects).build()?);
//! let acceptor = TlsAcceptor::pem_files("server.pem", "server.key")
//!     .client_authorities("authorities.pem")
//!     .build()?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8443").await?;
//! axum::serve(TlsListener::new(listener, acceptor), TlsMakeService::new(app)).await?;
//! # Ok(())
//! # }
//! ```

mod acceptor;
mod error;
mod files;
#[cfg(feature = "axum-tls")]
mod listener;
mod stream;

pub use acceptor::{TlsAcceptor, TlsAcceptorBuilder};
pub use error::TlsError;
#[cfg(feature = "axum-tls")]
pub use listener::{TlsConnectionService, TlsListener, TlsMakeService};
pub use stream::TlsStream;
