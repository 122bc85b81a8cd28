use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use http::header::{HOST, USER_AGENT};
use http::uri::Scheme;
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::rt::{Read, Write};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tower_service::Service as _;

use super::url::AllowHttp;
use super::{Fetch, FetchedBody};
use crate::BoxFuture;

type ClientError = Box<dyn Error + Send + Sync>;

/// The longest head of a response, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// An HTTP client for fetching keys and introspecting tokens (feature `http-client`): HTTP/1.1 over rustls, one connection
/// for each request, without redirects, proxies and compression.
///
/// It uses plain HTTP only over a connection to a loopback address, and with
/// [`dangerous::allow_http`](crate::dangerous::allow_http).
#[derive(Clone)]
pub struct HttpClient {
    tls: TlsConnector,
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
        })
    }

    async fn exchange(
        &self,
        request: Request<Vec<u8>>,
        body: &mut FetchedBody,
    ) -> Result<Response<()>, ClientError> {
        let uri = request.uri().clone();
        let allow_http = matches!(request.extensions().get(), Some(AllowHttp(true)));
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        let stream = connector.call(uri.clone()).await?.into_inner();
        if uri.scheme() == Some(&Scheme::HTTPS) {
            let host = uri.host().unwrap_or_default();
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let name = ServerName::try_from(host.to_owned())?;
            let stream = self.tls.connect(name, stream).await?;
            send_over(TokioIo::new(stream), request, body).await
        } else if allow_http || stream.peer_addr()?.ip().is_loopback() {
            send_over(TokioIo::new(stream), request, body).await
        } else {
            Err(io::Error::other("plain HTTP to an address that is not loopback").into())
        }
    }
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

async fn send_over(
    stream: impl Read + Write + Unpin + Send + 'static,
    request: Request<Vec<u8>>,
    body: &mut FetchedBody,
) -> Result<Response<()>, ClientError> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .handshake(stream)
        .await?;
    // The task that drives the connection is aborted when this future ends or is dropped.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let response = sender.send_request(origin_form(request)?).await?;
    let (head, incoming) = response.into_parts();
    if head.status == StatusCode::OK {
        read_body(incoming, body).await?;
    }
    Ok(Response::from_parts(head, ()))
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
