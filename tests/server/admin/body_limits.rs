//! The content type and the size of request bodies.

use serde_json::{Value, json};

use super::Fixture;
use crate::harness::api_key;

#[test]
fn bodies_of_another_type_or_over_16_kib_are_rejected() {
    let fixture = Fixture::open();
    let body = json!({ "name": "x", "scopes": [] }).to_string();
    for content_type in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/jsonp"),
    ] {
        let mut request = format!(
            "POST /admin/v1/keys HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-api-key: {}\r\n",
            fixture.operator
        );
        if let Some(content_type) = content_type {
            request += &format!("content-type: {content_type}\r\n");
        }
        request += &format!("content-length: {}\r\n\r\n{body}", body.len());
        let response = fixture.server.send_raw(request.as_bytes());
        assert!(response.starts_with("HTTP/1.1 415"), "{response}");
        assert!(response.contains("unsupported_media_type"), "{response}");
    }
    let typed = [
        api_key(&fixture.operator),
        (
            "content-type",
            "Application/JSON ; charset=utf-8".to_owned(),
        ),
    ];
    let created = fixture
        .server
        .send_raw(&raw("POST", &typed, "content-length: ", &body));
    assert!(created.starts_with("HTTP/1.1 201"), "{created}");

    // A body of 16 KiB, and one byte more, with `Content-Length` and chunked.
    let padded = |length: usize| body.clone() + &" ".repeat(length - body.len());
    let fits =
        fixture
            .server
            .send_raw(&raw("POST", &typed, "content-length: ", &padded(16 * 1024)));
    assert!(fits.starts_with("HTTP/1.1 201"), "{fits}");
    for framing in ["content-length: ", "transfer-encoding: chunked"] {
        let over = fixture
            .server
            .send_raw(&raw("POST", &typed, framing, &padded(16 * 1024 + 1)));
        assert!(over.starts_with("HTTP/1.1 413"), "{over}");
        assert!(over.contains("body_too_large"), "{over}");
    }
    let keys = fixture.get("/keys");
    assert_eq!(keys["keys"].as_array().unwrap().len(), 3, "{keys}");
    assert_eq!(keys["next"], Value::Null);
}

fn raw(method: &str, headers: &[(&str, String)], framing: &str, body: &str) -> Vec<u8> {
    let mut request =
        format!("{method} /admin/v1/keys HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += framing;
    if framing.ends_with(' ') {
        request += &format!("{}\r\n\r\n{body}", body.len());
    } else {
        request += &format!("\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    }
    request.into_bytes()
}
