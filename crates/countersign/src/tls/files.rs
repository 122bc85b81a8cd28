use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs as provider};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use zeroize::Zeroizing;

use super::TlsError;
use crate::credentials::ClientCertificate;
use crate::disk::{self, Stamp};
use crate::time::Timestamp;

/// The longest file, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// The files of an acceptor, in PEM.
pub(super) struct Files {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    pub(super) client_authorities: Option<PathBuf>,
    /// The protocols that are offered (RFC 7301), the preferred one first.
    pub(super) protocols: Vec<Vec<u8>>,
}

/// What the stamps of the files are: of the certificate, its key and the authorities.
pub(super) type Stamps = [Option<Stamp>; 3];

/// What was read from the files.
pub(super) struct Loaded {
    pub(super) config: Arc<ServerConfig>,
    pub(super) expires_at: Option<Timestamp>,
    /// Tells whether the files have the same content, of which their stamps are no proof.
    pub(super) digest: Vec<u8>,
}

impl Files {
    pub(super) fn stamps(&self) -> Stamps {
        let authorities = self.client_authorities.as_ref();
        [Some(&self.certificate), Some(&self.key), authorities].map(|path| Stamp::of(path?))
    }

    /// Reads and checks the files.
    pub(super) fn load(&self) -> Result<Loaded, TlsError> {
        let mut digest = Context::new(&SHA256);
        let mut read = |path: &Path| -> Result<Zeroizing<Vec<u8>>, TlsError> {
            let bytes = read(path)?;
            digest.update(&bytes.len().to_be_bytes());
            digest.update(&bytes);
            Ok(bytes)
        };
        let chain = certificates(&self.certificate, &read(&self.certificate)?)?;
        let key = PrivateKeyDer::from_pem_slice(&read(&self.key)?)
            .map_err(|_| content(&self.key, &"expected a private key in PEM"))?;
        // An explicit provider, since the default of the process may be another one.
        let provider = Arc::new(provider::default_provider());
        let verifier = match &self.client_authorities {
            Some(path) => client_verifier(path, &read(path)?, &provider)?,
            None => WebPkiClientVerifier::no_client_auth(),
        };
        let end = chain.first();
        let end = end.and_then(|leaf| ClientCertificate::from_der(leaf).ok());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| content(&self.certificate, &error))?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .map_err(|error| content(&self.key, &error))?;
        config.alpn_protocols.clone_from(&self.protocols);
        Ok(Loaded {
            config: Arc::new(config),
            expires_at: end.map(|leaf| leaf.expires_at()),
            digest: digest.finish().as_ref().to_vec(),
        })
    }
}

fn content(path: &Path, reason: &dyn Display) -> TlsError {
    TlsError::Content {
        path: path.to_owned(),
        reason: reason.to_string().into(),
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let bytes = disk::read(path, MAX_FILE).map_err(|source| TlsError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_FILE) {
        return Err(content(path, &"longer than 1 MiB"));
    }
    Ok(bytes)
}

/// Returns the certificates of a file, of which there is at least one.
fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    read.ok()
        .filter(|read| !read.is_empty())
        .ok_or_else(|| content(path, &"expected a certificate in PEM"))
}

/// Returns the verifier of the certificates that clients present. They need not present one.
fn client_verifier(
    path: &Path,
    pem: &[u8],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut authorities = RootCertStore::empty();
    for authority in certificates(path, pem)? {
        let added = authorities.add(authority);
        added.map_err(|error| content(path, &error))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), Arc::clone(provider))
        .allow_unauthenticated()
        .build()
        .map_err(|error| content(path, &error))
}
