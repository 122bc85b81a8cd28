//! `Check` of `envoy.service.auth.v3.Authorization`: the filter `ext_authz` of Envoy over gRPC.

mod messages;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::net::IpAddr;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use countersign::credentials::ClientAddress;
use countersign::rejection::Rejection;
use countersign_wire::read_body;
use http_body_util::{BodyExt as _, Full};
use prost::Message as _;

use super::original::{OriginalRequest, UnknownRequest};
use super::response::Decision;
use super::{FromProxy, Gateway, is_from_proxy};
use messages::{
    CheckRequest, CheckResponse, DeniedHttpResponse, HeaderValueOption, HttpRequest, HttpStatus,
    OVERWRITE, OkHttpResponse, Status,
};

/// The path of the method (gRPC over HTTP/2, "Requests").
pub(super) const PATH: &str = "/envoy.service.auth.v3.Authorization/Check";
/// The longest request, in bytes. Envoy accepts 60 KiB of headers from a client.
const MAX_REQUEST: usize = 128 * 1024;
/// The longest body of a rejection, in bytes.
const MAX_BODY: usize = 4096;
/// The headers that countersign reads of the client.
const CREDENTIALS: [HeaderName; 2] = [AUTHORIZATION, HeaderName::from_static("x-api-key")];
/// The headers of a rejection that the client gets.
const OF_REJECTION: [HeaderName; 4] = [WWW_AUTHENTICATE, RETRY_AFTER, CACHE_CONTROL, CONTENT_TYPE];
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// The codes of gRPC that are used here.
const OK: i32 = 0;
const INVALID_ARGUMENT: i32 = 3;
const PERMISSION_DENIED: i32 = 7;
const RESOURCE_EXHAUSTED: i32 = 8;
const UNAVAILABLE: i32 = 14;
const UNAUTHENTICATED: i32 = 16;

/// Answers Envoy. What it cannot read is an error of gRPC, for which Envoy denies the request.
pub(super) async fn check(State(gateway): State<Gateway>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let content_type = head.headers.get(CONTENT_TYPE);
    if !content_type.is_some_and(|value| value.as_bytes().starts_with(GRPC.as_bytes())) {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    if !is_from_proxy(&head.extensions) {
        return failed(PERMISSION_DENIED);
    }
    let Ok(body) = read_body(body, MAX_REQUEST).await else {
        return failed(RESOURCE_EXHAUSTED);
    };
    let Some((original, asked)) = decode(&body).and_then(read) else {
        return failed(INVALID_ARGUMENT);
    };
    let decision = Decision(gateway.decide(original, asked).await).into_response();
    let rejection = decision.extensions().get::<Rejection>().cloned();
    let mut response = encode(&check_response(decision).await);
    // For the log.
    if let Some(rejection) = rejection {
        response.extensions_mut().insert(rejection);
    }
    response
}

/// Decodes the one message of a request, which is not compressed.
fn decode(frame: &[u8]) -> Option<CheckRequest> {
    let (prefix, message) = frame.split_at_checked(5)?;
    let length = match prefix {
        [0, length @ ..] => u32::from_be_bytes(length.try_into().ok()?),
        _ => return None,
    };
    match usize::try_from(length).ok()? == message.len() {
        true => CheckRequest::decode(message).ok(),
        false => None,
    }
}

/// Reads the original request, and the head of one with the client's credentials and address.
fn read(request: CheckRequest) -> Option<(Result<OriginalRequest, UnknownRequest>, Parts)> {
    let attributes = request.attributes?;
    let HttpRequest {
        method,
        headers,
        path,
    } = attributes.request?.http?;
    let (mut head, ()) = http::Request::new(()).into_parts();
    for name in CREDENTIALS {
        if let Some(value) = headers.get(name.as_str()) {
            let value = HeaderValue::try_from(value.as_str()).ok()?;
            head.headers.insert(name, value);
        }
    }
    let source = attributes
        .source
        .and_then(|peer| peer.address?.socket_address);
    let address = source.and_then(|source| source.address.parse::<IpAddr>().ok());
    let address = address.map_or(ClientAddress::Unknown, ClientAddress::Known);
    head.extensions.insert(address);
    head.extensions.insert(FromProxy(true));
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| UnknownRequest::Ambiguous);
    let original = method.and_then(|method| OriginalRequest::new(method, path.as_bytes()));
    Some((original, head))
}

/// Writes the response of the endpoints over HTTP as a message.
async fn check_response(decision: Response) -> CheckResponse {
    let (head, body) = decision.into_parts();
    let code = match head.status {
        StatusCode::OK => OK,
        StatusCode::UNAUTHORIZED => UNAUTHENTICATED,
        StatusCode::SERVICE_UNAVAILABLE => UNAVAILABLE,
        _ => PERMISSION_DENIED,
    };
    let status = Some(Status { code });
    if code == OK {
        let headers = select(&head.headers, |name| {
            name.as_str().starts_with("countersign-")
        });
        return CheckResponse {
            status,
            denied_response: None,
            ok_response: Some(OkHttpResponse { headers }),
        };
    }
    let body = axum::body::to_bytes(body, MAX_BODY)
        .await
        .unwrap_or_default();
    let denied = DeniedHttpResponse {
        status: Some(HttpStatus {
            code: i32::from(head.status.as_u16()),
        }),
        headers: select(&head.headers, |name| OF_REJECTION.contains(name)),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    CheckResponse {
        status,
        denied_response: Some(denied),
        ok_response: None,
    }
}

fn select(headers: &HeaderMap, selects: impl Fn(&HeaderName) -> bool) -> Vec<HeaderValueOption> {
    let selected = headers.iter().filter(|(name, _)| selects(name));
    let options = selected.filter_map(|(name, value)| {
        let header = messages::HeaderValue {
            key: name.as_str().to_owned(),
            value: value.to_str().ok()?.to_owned(),
        };
        Some(HeaderValueOption {
            header: Some(header),
            append_action: OVERWRITE,
        })
    });
    options.collect()
}

fn encode(message: &CheckResponse) -> Response {
    let message = message.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let frame = [&[0], &length.to_be_bytes()[..], &message].concat();
    let mut trailers = HeaderMap::new();
    trailers.insert(GRPC_STATUS, HeaderValue::from(OK));
    let body =
        Full::new(Bytes::from(frame))
            .with_trailers(std::future::ready(Some(Ok::<_, Infallible>(trailers))));
    ([(CONTENT_TYPE, GRPC)], Body::new(body)).into_response()
}

/// Returns a response without a message.
fn failed(code: i32) -> Response {
    [(CONTENT_TYPE, GRPC), (GRPC_STATUS, HeaderValue::from(code))].into_response()
}
