use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::files::{Files, Loaded, Stamps};
use super::{TlsError, TlsStream};
use crate::disk::SeenVersion;
use crate::time::Timestamp;

/// How long a handshake may take by default.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Accepts TLS connections with the certificate of a server. Clones share the certificate.
///
/// It speaks TLS 1.2 and 1.3. A handshake has a deadline, because a client that begins one and sends nothing more would
/// otherwise hold its connection for ever.
///
/// ```
/// use countersign::tls::TlsAcceptor;
///
/// let folder = tempfile::tempdir()?;
/// let [certificate, key] = ["server.pem", "server.key"].map(|name| folder.path().join(name));
/// # let made = rcgen::generate_simple_self_signed(["api.example".to_owned()])?;
/// # let (pem, private) = (made.cert.pem(), made.signing_key.serialize_pem());
/// std::fs::write(&certificate, pem)?;
/// std::fs::write(&key, private)?;
/// assert!(TlsAcceptor::pem_files(&certificate, &key).build().is_ok());
///
/// let error = TlsAcceptor::pem_files(&certificate, &certificate).build().unwrap_err();
/// assert!(error.to_string().ends_with("server.pem`: expected a private key in PEM"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct TlsAcceptor(Arc<Inner>);

struct Inner {
    files: Files,
    handshake_timeout: Duration,
    loaded: ArcSwap<Loaded>,
    seen: Mutex<SeenVersion<Stamps>>,
}

/// Builder of a [`TlsAcceptor`].
#[must_use = "call build"]
pub struct TlsAcceptorBuilder {
    files: Files,
    handshake_timeout: Duration,
}

impl TlsAcceptor {
    /// Begins with two files in PEM: the certificate of the server, followed by those of its authorities, and its private key.
    pub fn pem_files(
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> TlsAcceptorBuilder {
        TlsAcceptorBuilder {
            files: Files {
                certificate: certificate.into(),
                key: key.into(),
                client_authorities: None,
                protocols: vec![b"http/1.1".to_vec()],
            },
            handshake_timeout: HANDSHAKE_TIMEOUT,
        }
    }

    /// Completes the handshake of a connection.
    ///
    /// # Errors
    ///
    /// An [`io::Error`] if the handshake fails, of kind [`TimedOut`](io::ErrorKind::TimedOut) if it takes longer than
    /// [its deadline](TlsAcceptorBuilder::handshake_timeout).
    pub async fn accept<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let config = Arc::clone(&self.0.loaded.load().config);
        let handshake = tokio_rustls::TlsAcceptor::from(config).accept(stream);
        let stream = timeout(self.0.handshake_timeout, handshake).await;
        TlsStream::new(stream.map_err(|_| io::ErrorKind::TimedOut)??)
    }

    /// Returns when the certificate of the server expires; `None` if it is no certificate of X.509 version 3.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.0.loaded.load().expires_at
    }

    /// Reads the files again, and returns whether they have changed. New connections have the new certificate. This blocks the
    /// thread while the files are read.
    ///
    /// # Errors
    ///
    /// - [`TlsError::Unreadable`] if a file cannot be read;
    /// - [`TlsError::Content`] if it cannot be used.
    ///
    /// The certificate from before stays in use then.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let mut seen = self.seen();
        *seen = SeenVersion::new(self.0.files.stamps());
        self.load()
    }

    /// Reads the files again if their metadata have changed since they were last read, and returns whether they have changed.
    ///
    /// # Errors
    ///
    /// As for [`reload`](Self::reload), once or twice for each change.
    pub fn reload_if_changed(&self) -> Result<bool, TlsError> {
        let mut seen = self.seen();
        match seen.must_be_read(self.0.files.stamps()) {
            true => self.load(),
            false => Ok(false),
        }
    }

    fn seen(&self) -> MutexGuard<'_, SeenVersion<Stamps>> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn load(&self) -> Result<bool, TlsError> {
        let loaded = self.0.files.load()?;
        let is_other = loaded.digest != self.0.loaded.load().digest;
        if is_other {
            self.0.loaded.store(Arc::new(loaded));
        }
        Ok(is_other)
    }
}

impl fmt::Debug for TlsAcceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsAcceptor")
            .field("certificate", &self.0.files.certificate)
            .finish_non_exhaustive()
    }
}

impl TlsAcceptorBuilder {
    /// Asks clients for a certificate of one of the authorities in this file, in PEM. They need not present one. A connection
    /// with a certificate of another authority is not accepted.
    pub fn client_authorities(mut self, file: impl Into<PathBuf>) -> Self {
        self.files.client_authorities = Some(file.into());
        self
    }

    /// Sets how long a handshake may take: 10 s by default.
    pub const fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// Offers HTTP/2, too. The server must speak it: axum does with its feature `http2`.
    pub fn http2(mut self) -> Self {
        self.files.protocols.insert(0, b"h2".to_vec());
        self
    }

    /// Reads the files.
    ///
    /// # Errors
    ///
    /// - [`TlsError::Unreadable`] if a file cannot be read;
    /// - [`TlsError::Content`] if it cannot be used.
    pub fn build(self) -> Result<TlsAcceptor, TlsError> {
        let seen = SeenVersion::new(self.files.stamps());
        Ok(TlsAcceptor(Arc::new(Inner {
            loaded: ArcSwap::from_pointee(self.files.load()?),
            files: self.files,
            handshake_timeout: self.handshake_timeout,
            seen: Mutex::new(seen),
        })))
    }
}

impl fmt::Debug for TlsAcceptorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsAcceptorBuilder")
            .field("certificate", &self.files.certificate)
            .finish_non_exhaustive()
    }
}
