use std::error::Error;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::header::{HOST, USER_AGENT};
use http::uri::Scheme;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tower_service::Service as _;

use super::connection::{Connection, Origin};
use super::url::AllowHttp;
use super::{Fetch, FetchedBody};
use crate::BoxFuture;

type ClientError = Box<dyn Error + Send + Sync>;

/// An HTTP client for fetching keys and introspecting tokens (feature `http-client`): HTTP/1.1 over rustls, one connection
/// for each request unless it [keeps](Self::keep_connection) the last one, without redirects, proxies and compression.
///
/// It uses plain HTTP only over a connection to a loopback address, and with
/// [`dangerous::allow_http`](crate::dangerous::allow_http).
#[derive(Clone)]
pub struct HttpClient {
    tls: TlsConnector,
    /// The connection of the last response; `None` if none is kept.
    kept: Option<Arc<Mutex<Option<Connection>>>>,
}

impl HttpClient {
    /// Creates a client that trusts the root certificates of the operating system.
    ///
    /// # Errors
    ///
    /// [`RootsError`] if there are none.
    pub fn new() -> Result<Self, RootsError> {
        Self::trusting(rustls_native_certs::load_native_certs().certs)
    }

    /// Creates a client that trusts only these root certificates, in PEM.
    ///
    /// # Errors
    ///
    /// [`RootsError`] if there are none, or one cannot be parsed.
    pub fn with_roots(pem: &[u8]) -> Result<Self, RootsError> {
        let roots: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        Self::trusting(roots.map_err(|_| RootsError)?)
    }

    fn trusting(roots: Vec<CertificateDer<'static>>) -> Result<Self, RootsError> {
        let mut store = RootCertStore::empty();
        let (added, _) = store.add_parsable_certificates(roots);
        if added == 0 {
            return Err(RootsError);
        }
        // An explicit provider, since the process-wide default belongs to the application.
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| RootsError)?
            .with_root_certificates(store)
            .with_no_client_auth();
        Ok(Self {
            tls: TlsConnector::from(Arc::new(config)),
            kept: None,
        })
    }

    /// Keeps the connection of a response for the next request to the same origin, for a minute after it was opened. A GET that the
    /// server has not answered because it was closing the connection is sent again over another one (RFC 9110 §9.2.2).
    #[must_use]
    pub fn keep_connection(mut self) -> Self {
        self.kept = Some(Arc::default());
        self
    }

    async fn exchange(
        &self,
        request: Request<Vec<u8>>,
        body: &mut FetchedBody,
    ) -> Result<Response<()>, ClientError> {
        let uri = request.uri().clone();
        let allow_http = matches!(request.extensions().get(), Some(AllowHttp(true)));
        let origin = Origin::of(&uri, allow_http);
        let request = origin_form(request)?;
        if let Some(mut kept) = self.take_kept(&origin).await {
            match kept.send(request.clone()).await {
                Ok(response) => return self.finish(kept, response, body).await,
                Err(_) if request.method() == Method::GET => {}
                Err(error) => return Err(error.into()),
            }
        }
        let mut connection = self.connect(&uri, origin).await?;
        let response = connection.send(request).await?;
        self.finish(connection, response, body).await
    }

    async fn connect(&self, uri: &Uri, origin: Origin) -> Result<Connection, ClientError> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        let stream = connector.call(uri.clone()).await?.into_inner();
        if uri.scheme() == Some(&Scheme::HTTPS) {
            let host = uri.host().unwrap_or_default();
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let name = ServerName::try_from(host.to_owned())?;
            let stream = self.tls.connect(name, stream).await?;
            Ok(Connection::open(stream, origin).await?)
        } else if origin.allow_http || stream.peer_addr()?.ip().is_loopback() {
            Ok(Connection::open(stream, origin).await?)
        } else {
            Err(io::Error::other("plain HTTP to an address that is not loopback").into())
        }
    }

    /// Reads the body of a response, and keeps the connection if it can be used again.
    async fn finish(
        &self,
        connection: Connection,
        response: Response<Incoming>,
        body: &mut FetchedBody,
    ) -> Result<Response<()>, ClientError> {
        let (head, incoming) = response.into_parts();
        if head.status == StatusCode::OK {
            read_body(incoming, body).await?;
            if let Some(kept) = &self.kept {
                *lock(kept) = Some(connection);
            }
        }
        Ok(Response::from_parts(head, ()))
    }

    /// Returns the connection that was kept, if it can be used for a request to this origin.
    async fn take_kept(&self, origin: &Origin) -> Option<Connection> {
        let kept = lock(self.kept.as_ref()?).take();
        let mut kept = kept.filter(|kept| kept.is_for(origin))?;
        kept.is_ready().await.then_some(kept)
    }
}

/// Nothing panics while it is locked, so that a poisoned lock would be consistent.
fn lock(kept: &Mutex<Option<Connection>>) -> MutexGuard<'_, Option<Connection>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fetch for HttpClient {
    fn send<'a>(
        &'a self,
        request: Request<Vec<u8>>,
        body: &'a mut FetchedBody,
    ) -> BoxFuture<'a, Result<Response<()>, ClientError>> {
        Box::pin(self.exchange(request, body))
    }
}

async fn read_body(mut incoming: Incoming, body: &mut FetchedBody) -> Result<(), ClientError> {
    while let Some(frame) = incoming.frame().await {
        if let Some(chunk) = frame?.data_ref() {
            body.push(chunk)?;
        }
    }
    Ok(())
}

/// Converts a request to the origin form: the path in the request line, the authority in `Host` (RFC 9112 §3.2.1).
fn origin_form(request: Request<Vec<u8>>) -> Result<Request<Full<Bytes>>, ClientError> {
    let (mut head, body) = request.into_parts();
    let authority = head
        .uri
        .authority()
        .map_or("", |authority| authority.as_str());
    head.headers.insert(HOST, HeaderValue::from_str(authority)?);
    let agent = concat!("countersign/", env!("CARGO_PKG_VERSION"));
    head.headers
        .insert(USER_AGENT, HeaderValue::from_static(agent));
    head.uri = match head.uri.path_and_query() {
        Some(path) => Uri::from(path.clone()),
        None => Uri::from_static("/"),
    };
    Ok(Request::from_parts(head, Full::from(body)))
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").finish_non_exhaustive()
    }
}

/// The error if no root certificate could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no root certificate could be read: install those of the system, or set your own")]
#[non_exhaustive]
pub struct RootsError;
