use serde_json::{Value, json};

use super::Site;
use crate::harness::api_key;

#[test]
fn bodies_that_are_not_json_by_their_type_or_are_too_large_are_refused() {
    let site = Site::open();
    let body = json!({ "name": "x", "scopes": [] }).to_string();
    for content_type in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/jsonp"),
    ] {
        let mut request = format!(
            "POST /admin/v1/keys HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-api-key: {}\r\n",
            site.operator
        );
        if let Some(content_type) = content_type {
            request += &format!("content-type: {content_type}\r\n");
        }
        request += &format!("content-length: {}\r\n\r\n{body}", body.len());
        let answer = site.server.tell(request.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 415"), "{answer}");
        assert!(answer.contains("unsupported_media_type"), "{answer}");
    }
    let typed = [
        api_key(&site.operator),
        (
            "content-type",
            "Application/JSON ; charset=utf-8".to_owned(),
        ),
    ];
    let made = site
        .server
        .tell(&raw("POST", &typed, "content-length: ", &body));
    assert!(made.starts_with("HTTP/1.1 201"), "{made}");

    // Just as large as may be, and one byte more: announced, and in chunks.
    let padded = |length: usize| body.clone() + &" ".repeat(length - body.len());
    let fits = site
        .server
        .tell(&raw("POST", &typed, "content-length: ", &padded(16 * 1024)));
    assert!(fits.starts_with("HTTP/1.1 201"), "{fits}");
    for framing in ["content-length: ", "transfer-encoding: chunked"] {
        let over = site
            .server
            .tell(&raw("POST", &typed, framing, &padded(16 * 1024 + 1)));
        assert!(over.starts_with("HTTP/1.1 413"), "{over}");
        assert!(over.contains("body_too_large"), "{over}");
    }
    let keys = site.get("/keys");
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
