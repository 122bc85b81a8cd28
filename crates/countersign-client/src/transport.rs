//! The HTTP client that reaches the token endpoint.

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, Limited};
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt as _};

use crate::BoxError;

/// The longest response of a token endpoint, in bytes.
const MAX_RESPONSE: usize = 64 * 1024;

pub(crate) type Transport = BoxCloneSyncService<Request<Full<Bytes>>, Response<Bytes>, BoxError>;

/// Boxes an HTTP client, and reads its responses whole, up to 64 KiB.
pub(crate) fn boxed<S, B>(client: S) -> Transport
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let client = client
        .map_err(Into::into)
        .and_then(|response: Response<B>| async {
            let (head, body) = response.into_parts();
            let body = Limited::new(body, MAX_RESPONSE).collect().await?;
            Ok::<_, BoxError>(Response::from_parts(head, body.to_bytes()))
        });
    BoxCloneSyncService::new(client)
}

/// Creates a client over HTTP/1.1 and TLS with the operating system's root certificates, without redirects.
#[cfg(feature = "http-client")]
pub(crate) fn http_client() -> std::io::Result<Transport> {
    use hyper_rustls::HttpsConnectorBuilder;
    use hyper_util::client::legacy::Client;
    use hyper_util::rt::TokioExecutor;
    use tokio_rustls::rustls::crypto::aws_lc_rs;

    // An explicit provider, since the process-wide default belongs to the application.
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(aws_lc_rs::default_provider())?
        .https_or_http()
        .enable_http1()
        .build();
    Ok(boxed(
        Client::builder(TokioExecutor::new()).build(connector),
    ))
}
