//! Tests of the body of rejections inside of a layer.

use std::convert::Infallible;

use http::{HeaderValue, Request, Response, StatusCode};
use tower::{Layer as _, ServiceBuilder, ServiceExt as _, service_fn};

use super::{Scripted, poll_once, request};
use crate::auth::AuthLayer;
use crate::rejection::{Grpc, ProblemDetails, Reason, RejectBody, Rejection};
use crate::require::{deny, require};

type Body = String;

fn reject<R>(layer: AuthLayer<R>, request: Request<()>) -> Response<Body>
where
    R: RejectBody<Body> + Clone,
{
    let service = ServiceBuilder::new()
        .layer(layer)
        .map_response(|mut response: Response<Body>| {
            let headers = response.headers_mut();
            headers.insert("x-between", HeaderValue::from_static("kept"));
            response
        })
        .layer(require(deny()).unwrap())
        .service(service_fn(async |_| {
            Ok::<_, Infallible>(Response::new(Body::new()))
        }));
    poll_once(service.oneshot(request)).unwrap()
}

fn layer() -> AuthLayer {
    let layer = AuthLayer::builder().mechanism(Scripted::default());
    layer.build().unwrap()
}

#[test]
fn rejection_of_a_requirement_has_the_body_of_the_layer_and_headers_added_in_between() {
    let response = reject(layer().reject_body(ProblemDetails), request("good"));
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    assert!(
        response.body().contains("\"status\":403"),
        "{}",
        response.body()
    );
    assert_eq!(response.headers()["x-between"], "kept");
    let rejection = response.extensions().get::<Rejection>().unwrap();
    assert_eq!(rejection.reason(), Reason::Denied);
    assert!(reject(layer(), request("good")).body().is_empty());
}

#[test]
fn rejection_of_a_requirement_has_the_form_of_grpc_only_for_grpc_requests() {
    let grpc = || layer().reject_body(Grpc::default());
    let mut call = request("good");
    let content_type = HeaderValue::from_static("application/grpc");
    call.headers_mut().insert("content-type", content_type);
    let response = reject(grpc(), call);
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["grpc-status"], "7");
    let response = reject(grpc(), request("good"));
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(!response.headers().contains_key("grpc-status"));
}

#[test]
fn requirement_with_a_body_of_its_own_keeps_it() {
    let own = |_: &Rejection| Response::new(Body::from("own"));
    let service =
        layer()
            .reject_body(ProblemDetails)
            .layer(require(deny()).unwrap().reject_body(own).layer(service_fn(
                async |_: Request<()>| Ok::<_, Infallible>(Response::new(Body::new())),
            )));
    let response = poll_once(service.oneshot(request("good"))).unwrap();
    assert_eq!(response.body(), "own");
}
