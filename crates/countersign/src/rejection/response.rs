use std::mem;

use http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Response};

use super::{RejectBody, Rejection, grpc};

/// Marks a response whose body the outer `AuthLayer` chooses.
#[derive(Clone, Copy)]
struct Inherited {
    is_grpc: bool,
}

impl Rejection {
    /// Makes the response to a request with these headers. The rejection becomes one of its
    /// extensions.
    pub(crate) fn into_response<B>(
        self,
        body: &impl RejectBody<B>,
        request: &HeaderMap,
    ) -> Response<B> {
        let may_be_grpc = body.is_inherited() || body.empty_for_grpc().is_some();
        let is_grpc = may_be_grpc && grpc::is_grpc(request);
        let mut response = self.render(body, is_grpc);
        if body.is_inherited() {
            response.extensions_mut().insert(Inherited { is_grpc });
        }
        response
    }

    fn render<B>(self, body: &impl RejectBody<B>, is_grpc: bool) -> Response<B> {
        if is_grpc && let Some(empty) = body.empty_for_grpc() {
            let mut response = grpc::respond(&self, empty);
            response.extensions_mut().insert(self);
            return response;
        }
        let mut response = body.reject(&self);
        *response.status_mut() = self.kind().status();
        let of_body = mem::replace(response.headers_mut(), self.headers());
        let headers = response.headers_mut();
        for (name, value) in &of_body {
            if ![CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE].contains(name) {
                headers.append(name, value.clone());
            }
        }
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Renders a rejection of a requirement or extractor inside of an `AuthLayer` with the body of that
/// layer. Headers that layers in between have added are kept. Other responses are returned as they
/// are.
pub(crate) fn render_inherited<B>(
    mut response: Response<B>,
    body: &impl RejectBody<B>,
) -> Response<B> {
    let extensions = response.extensions_mut();
    let Some(Inherited { is_grpc }) = extensions.remove::<Inherited>() else {
        return response;
    };
    let Some(rejection) = extensions.remove::<Rejection>() else {
        return response;
    };
    let rendered = rejection.render(body, is_grpc);
    let (mut head, _) = response.into_parts();
    let (rendered_head, body) = rendered.into_parts();
    head.status = rendered_head.status;
    head.extensions.extend(rendered_head.extensions);
    for name in [http::header::CONTENT_LENGTH, WWW_AUTHENTICATE] {
        head.headers.remove(name);
    }
    head.headers.extend(rendered_head.headers);
    Response::from_parts(head, body)
}
