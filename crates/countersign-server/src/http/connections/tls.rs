//! TLS: the certificate, its key and the authorities of clients, read again when their files change.

use std::io;
use std::time::Duration;

use countersign::tls::{TlsAcceptor, TlsStream};
use countersign_cli::config::TlsSettings;
use countersign_cli::error::CommandError;
use tokio::net::TcpStream;
use tokio::time::interval;

use crate::http::metrics;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// Accepts TLS connections. Clones share the certificate.
#[derive(Clone)]
pub(crate) struct Tls(TlsAcceptor);

impl Tls {
    /// Reads the certificate, its key and the authorities of clients.
    pub(crate) fn new(settings: &TlsSettings) -> Result<Self, CommandError> {
        let mut builder = TlsAcceptor::pem_files(&settings.cert, &settings.key)
            .handshake_timeout(settings.handshake_timeout)
            .http2();
        if let Some(authorities) = &settings.client_ca {
            builder = builder.client_authorities(authorities);
        }
        let acceptor = builder.build();
        let acceptor =
            acceptor.map_err(|error| CommandError::new(format!("[server.tls]: {error}")))?;
        let tls = Self(acceptor);
        tls.show_expiry();
        Ok(tls)
    }

    /// Completes the handshake of a connection.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.0.accept(stream).await
    }

    /// Reads the files again. If that fails, the present certificate stays.
    pub(super) fn reload(&self) {
        match self.0.reload() {
            Ok(_) => self.log_reload(),
            Err(error) => tracing::error!(%error, "the present certificate stays"),
        }
    }

    /// Reads the files again each time that they change.
    pub(super) async fn follow(self) {
        let mut looks = interval(LOOK);
        loop {
            looks.tick().await;
            match self.0.reload_if_changed() {
                Ok(true) => self.log_reload(),
                Ok(false) => {}
                Err(error) => tracing::error!(%error, "the present certificate stays"),
            }
        }
    }

    fn log_reload(&self) {
        tracing::info!("certificate and key read again");
        self.show_expiry();
    }

    fn show_expiry(&self) {
        if let Some(end) = self.0.expires_at() {
            metrics::set_certificate_expiry(end);
        }
    }
}
