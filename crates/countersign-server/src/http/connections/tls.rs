//! TLS: the certificate and its key, read again when their files change.

use std::fmt::Display;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::server::TlsStream;

use crate::config::TlsSettings;
use crate::error::CommandError;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// Accepts TLS connections. Clones share the certificate.
#[derive(Clone)]
pub(crate) struct Tls(Arc<Inner>);

struct Inner {
    settings: TlsSettings,
    config: ArcSwap<ServerConfig>,
}

impl Tls {
    /// Reads the certificate and its key.
    pub(crate) fn new(settings: &TlsSettings) -> Result<Self, CommandError> {
        let config = read(settings).map_err(CommandError::new)?;
        Ok(Self(Arc::new(Inner {
            settings: settings.clone(),
            config: ArcSwap::from_pointee(config),
        })))
    }

    /// Completes the handshake of a connection.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let acceptor = TlsAcceptor::from(self.0.config.load_full());
        let handshake = acceptor.accept(stream);
        timeout(self.0.settings.handshake_timeout, handshake)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    /// Reads the files again. If that fails, the present certificate stays.
    pub(super) fn reload(&self) {
        match read(&self.0.settings) {
            Ok(config) => {
                self.0.config.store(Arc::new(config));
                tracing::info!("certificate and key read again");
            }
            Err(error) => tracing::error!(error, "the present certificate stays"),
        }
    }

    /// Reads the files again each time that they change.
    pub(super) async fn follow(self) {
        let mut known = self.modified();
        let mut looks = interval(LOOK);
        loop {
            looks.tick().await;
            let modified = self.modified();
            if modified != known {
                known = modified;
                self.reload();
            }
        }
    }

    /// Returns when the files were modified. Links are followed, as Kubernetes replaces them.
    fn modified(&self) -> [Option<SystemTime>; 2] {
        let TlsSettings { cert, key, .. } = &self.0.settings;
        [cert, key].map(|file| {
            std::fs::metadata(file)
                .and_then(|file| file.modified())
                .ok()
        })
    }
}

fn read(settings: &TlsSettings) -> Result<ServerConfig, String> {
    let TlsSettings { cert, key, .. } = settings;
    let in_file = |file: &std::path::Path, error: &dyn Display| {
        format!("[server.tls]: `{}`: {error}", file.display())
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(cert)
        .map_err(|error| in_file(cert, &error))?
        .collect();
    let chain = chain.map_err(|error| in_file(cert, &error))?;
    if chain.is_empty() {
        return Err(in_file(cert, &"expected a certificate in PEM"));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| in_file(key, &error))?;
    // An explicit provider, since the default of the process may be another one.
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| in_file(cert, &error))?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| in_file(key, &error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
