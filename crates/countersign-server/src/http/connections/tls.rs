//! TLS: the certificate, its key and the authorities of clients, read again when their files change.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use countersign::credentials::ClientCertificate;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

use crate::config::TlsSettings;
use crate::error::CommandError;
use crate::http::metrics;

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
    /// Reads the certificate, its key and the authorities of clients.
    pub(crate) fn new(settings: &TlsSettings) -> Result<Self, CommandError> {
        let config = read(settings).map_err(CommandError::new)?;
        Ok(Self(Arc::new(Inner {
            settings: settings.clone(),
            config: ArcSwap::from_pointee(config),
        })))
    }

    /// Completes the handshake of a connection. Returns the certificate of the client, too, if it has presented one of an
    /// authority in `client_ca`.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
    ) -> io::Result<(TlsStream<TcpStream>, Option<ClientCertificate>)> {
        let acceptor = TlsAcceptor::from(self.0.config.load_full());
        let handshake = acceptor.accept(stream);
        let stream = timeout(self.0.settings.handshake_timeout, handshake)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let chain = stream.get_ref().1.peer_certificates();
        let certificate = chain
            .and_then(<[_]>::first)
            .map(|leaf| ClientCertificate::from_der(leaf))
            .transpose()
            .map_err(io::Error::other)?;
        Ok((stream, certificate))
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
    fn modified(&self) -> [Option<SystemTime>; 3] {
        let TlsSettings {
            cert,
            key,
            client_ca,
            ..
        } = &self.0.settings;
        [Some(cert), Some(key), client_ca.as_ref()].map(|file| {
            std::fs::metadata(file?)
                .and_then(|file| file.modified())
                .ok()
        })
    }
}

/// Names the file of an error.
fn in_file(file: &Path, error: &dyn Display) -> String {
    format!("[server.tls]: `{}`: {error}", file.display())
}

/// Reads the certificates of a file, of which there is at least one.
fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(file).map_err(|error| in_file(file, &error))?;
    let read: Result<Vec<_>, _> = read.collect();
    match read.map_err(|error| in_file(file, &error))? {
        none if none.is_empty() => Err(in_file(file, &"expected a certificate in PEM")),
        read => Ok(read),
    }
}

/// Returns the verifier of the certificates that clients present. They need not present one.
fn client_verifier(
    file: Option<&Path>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let Some(file) = file else {
        return Ok(WebPkiClientVerifier::no_client_auth());
    };
    let mut authorities = RootCertStore::empty();
    for authority in certificates(file)? {
        let added = authorities.add(authority);
        added.map_err(|error| in_file(file, &error))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), Arc::clone(provider))
        .allow_unauthenticated()
        .build()
        .map_err(|error| in_file(file, &error))
}

fn read(settings: &TlsSettings) -> Result<ServerConfig, String> {
    let TlsSettings { cert, key, .. } = settings;
    let chain = certificates(cert)?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| in_file(key, &error))?;
    let end = chain
        .first()
        .and_then(|leaf| ClientCertificate::from_der(leaf).ok());
    let end = end.map(|leaf| leaf.expires_at());
    // An explicit provider, since the default of the process may be another one.
    let provider = Arc::new(aws_lc_rs::default_provider());
    let clients = client_verifier(settings.client_ca.as_deref(), &provider)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| in_file(cert, &error))?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, private)
        .map_err(|error| in_file(key, &error))?;
    if let Some(end) = end {
        metrics::set_certificate_expiry(end);
    }
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
