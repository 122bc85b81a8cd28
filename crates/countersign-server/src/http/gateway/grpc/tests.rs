use std::collections::HashMap;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::request::Builder;
use http_body_util::BodyExt as _;
use prost::Message as _;

use super::messages::{Address, AttributeContext, OriginalHttp, Peer, SocketAddress};
use super::*;
use crate::http::gateway::tests::{Fixture, fixture};

fn question(method: &str, path: &str, headers: &[(&str, &str)]) -> CheckRequest {
    let headers = headers.iter();
    let headers: HashMap<_, _> = headers
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let address = SocketAddress {
        address: "192.0.2.7".to_owned(),
    };
    CheckRequest {
        attributes: Some(AttributeContext {
            source: Some(Peer {
                address: Some(Address {
                    socket_address: Some(address),
                }),
            }),
            request: Some(OriginalHttp {
                http: Some(HttpRequest {
                    method: method.to_owned(),
                    headers,
                    path: path.to_owned(),
                }),
            }),
        }),
    }
}

fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap();
    [&[0], &length.to_be_bytes()[..], message].concat()
}

fn request() -> Builder {
    Request::post(PATH).header("content-type", "application/grpc")
}

/// Sends a body; returns the status of gRPC, and the message.
async fn send(
    fixture: &Fixture,
    from_proxy: bool,
    body: Vec<u8>,
) -> (String, Option<CheckResponse>) {
    let request = request().extension(FromProxy(from_proxy));
    let request = request.body(Body::from(body)).unwrap();
    let response = fixture.respond(request).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/grpc");
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap();
    let trailers = body.trailers().cloned().unwrap_or_default();
    let status =
        |headers: &HeaderMap| Some(headers.get("grpc-status")?.to_str().unwrap().to_owned());
    let status = status(&head.headers).or(status(&trailers)).unwrap();
    let body = body.to_bytes();
    let message = body
        .get(5..)
        .map(|message| CheckResponse::decode(message).unwrap());
    (status, message)
}

async fn ask(fixture: &Fixture, question: &CheckRequest) -> CheckResponse {
    let (status, message) = send(fixture, true, frame(&question.encode_to_vec())).await;
    assert_eq!(status, "0");
    message.unwrap()
}

fn values<'a>(headers: &'a [HeaderValueOption], name: &str) -> Vec<&'a str> {
    assert!(
        headers
            .iter()
            .all(|option| option.append_action == OVERWRITE)
    );
    let headers = headers.iter().filter_map(|option| option.header.as_ref());
    let named = headers.filter(|header| header.key == name);
    named.map(|header| &*header.value).collect()
}

#[tokio::test]
async fn check_answers_as_the_endpoint_over_http_does() {
    let fixture = fixture().await;
    let key = fixture.reader.expose();
    let joined = format!("{key},{key}");
    for (method, path, presented, status) in [
        ("GET", "/calls/7?x=1", Some(key), 200),
        ("POST", "/calls", Some(key), 403),
        ("GET", "/calls", Some(&*joined), 400),
        ("GET", "/calls", Some("wrong"), 401),
        ("GET", "/calls", None, 401),
        ("GET", "/about", None, 200),
        ("GET", "/about", Some("wrong"), 401),
        ("GET", "/other", Some(key), 403),
        ("GET", "/calls/../me", Some(key), 403),
        ("GET", "/calls#/about", Some(key), 403),
        ("GET", "", Some(key), 403),
        ("", "/calls", Some(key), 403),
    ] {
        let headers = presented.map(|key| ("x-api-key", key));
        let headers: Vec<_> = headers.into_iter().collect();
        let answer = ask(&fixture, &question(method, path, &headers)).await;
        let code = answer.status.unwrap().code;
        assert_eq!(code == OK, status == 200, "{method} {path}: {code}");
        let denied = answer.denied_response;
        let told = denied
            .as_ref()
            .map(|denied| denied.status.as_ref().unwrap().code);
        assert_eq!(told, (status != 200).then_some(status), "{method} {path}");
        if let Some(denied) = denied {
            assert_eq!(values(&denied.headers, "cache-control"), ["no-store"]);
            let challenges = values(&denied.headers, "www-authenticate").len();
            assert_eq!(challenges, usize::from(status == 401), "{method} {path}");
            assert!(denied.body.contains("\"status\""), "{}", denied.body);
        } else {
            let ok = answer.ok_response.unwrap();
            let scopes = values(&ok.headers, "countersign-scopes");
            assert_eq!(scopes.len(), usize::from(presented.is_some()), "{path}");
        }
    }
}

#[tokio::test]
async fn request_that_cannot_be_read_is_an_error_and_not_an_acceptance() {
    let fixture = fixture().await;
    let key = [("x-api-key", fixture.reader.expose())];
    let message = question("GET", "/calls", &key).encode_to_vec();
    let mut compressed = frame(&message);
    compressed[0] = 1;
    let mut longer = frame(&message);
    longer.push(0);
    let control = question("GET", "/calls", &[("x-api-key", "a\nb")]);
    for (body, status) in [
        (Vec::new(), "3"),
        (vec![0, 0, 0, 0], "3"),
        (frame(b""), "3"),
        (frame(b"\xff\xff\xff"), "3"),
        (compressed, "3"),
        (longer, "3"),
        (frame(&control.encode_to_vec()), "3"),
        (vec![0; MAX_REQUEST + 1], "8"),
    ] {
        let (found, message) = send(&fixture, true, body).await;
        assert_eq!((&*found, message), (status, None));
    }
    let (found, message) = send(&fixture, false, frame(&message)).await;
    assert_eq!((&*found, message), ("7", None));
    let request = Request::post(PATH)
        .extension(FromProxy(true))
        .body(Body::empty());
    assert_eq!(fixture.respond(request.unwrap()).await.status(), 415);
}

#[test]
fn client_has_the_address_of_the_source_and_none_without_one() {
    let mut asked = question("GET", "/", &[]);
    let (_, head) = read(asked.clone()).unwrap();
    let address = ClientAddress::Known("192.0.2.7".parse().unwrap());
    assert_eq!(head.extensions.get(), Some(&address));
    asked.attributes.as_mut().unwrap().source = None;
    let (_, head) = read(asked).unwrap();
    assert_eq!(head.extensions.get(), Some(&ClientAddress::Unknown));
}
