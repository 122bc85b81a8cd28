//! Requests that pages of other sites cause in the browser of an administrator.

use serde_json::{Value, json};

use crate::fixture::{Fixture, assert_problem};
use crate::harness::api_key;

#[test]
fn requests_of_other_pages_that_may_change_something_are_rejected() {
    let fixture = Fixture::with("[server]\ncors_origins = [\"https://app.example\"]\n");
    let cookie = fixture.session(&fixture.admin.key);
    let key = fixture.create_key(&["calls:read"]);
    let path = format!(
        "/dashboard/api/v1/keys/{}/revoke",
        key["id"].as_str().unwrap()
    );
    let own = fixture.server.url();
    let port = fixture.server.address().port();
    let cases: &[&[(&'static str, String)]] = &[
        &[],
        &[("origin", "https://other.example".to_owned())],
        &[("origin", "null".to_owned())],
        // The origins of applications do not reach the dashboard.
        &[("origin", "https://app.example".to_owned())],
        // The same site, and another port or host name.
        &[("origin", format!("http://127.0.0.1:{}", port ^ 1))],
        &[("origin", format!("http://localhost:{port}"))],
        &[("origin", own.clone()), ("origin", own.clone())],
        &[("sec-fetch-site", "same-origin".to_owned())],
        &[
            ("origin", own.clone()),
            ("sec-fetch-site", "cross-site".to_owned()),
        ],
        &[
            ("origin", own.clone()),
            ("sec-fetch-site", "same-site".to_owned()),
        ],
        &[
            ("origin", own.clone()),
            ("sec-fetch-site", "none".to_owned()),
        ],
    ];
    for headers in cases {
        let headers = [*headers, std::slice::from_ref(&cookie)].concat();
        for path in [&*path, "/dashboard/api/sign-out"] {
            let response = fixture.server.send("POST", path, &headers, "");
            assert_problem(&response, 403, "cross_site");
        }
        let sign_in = [&headers[..], &[api_key(&fixture.admin.key)]].concat();
        let response = fixture
            .server
            .send("POST", "/dashboard/api/sign-in", &sign_in, "");
        assert_problem(&response, 403, "cross_site");
        assert_eq!(response.header("set-cookie"), None);
    }
    assert_eq!(fixture.status(&cookie), 200);
    let own = [
        cookie,
        fixture.origin(),
        ("sec-fetch-site", "same-origin".to_owned()),
    ];
    assert_eq!(fixture.server.send("POST", &path, &own, "").status, 200);
}

#[test]
fn reading_from_another_site_is_rejected() {
    let fixture = Fixture::open();
    let cookie = fixture.session(&fixture.admin.key);
    for site in ["cross-site", "same-site"] {
        let headers = [cookie.clone(), ("sec-fetch-site", site.to_owned())];
        let response = fixture.server.get("/dashboard/api/v1/keys", &headers);
        assert_problem(&response, 403, "cross_site");
    }
}

#[test]
fn body_that_a_form_of_another_site_can_send_is_rejected() {
    let fixture = Fixture::open();
    let cookie = fixture.session(&fixture.admin.key);
    let body = json!({ "name": "x", "scopes": ["*"] }).to_string();
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    ] {
        let address = fixture.server.address();
        let request = format!(
            "POST /dashboard/api/v1/keys HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\norigin: http://{address}\r\n\
             cookie: {}\r\nx-api-key: {}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n{body}",
            cookie.1,
            fixture.admin.key,
            body.len()
        );
        let response = fixture.server.send_raw(request.as_bytes());
        assert!(response.starts_with("HTTP/1.1 415 "), "{response}");
    }
}

#[test]
fn safe_methods_change_nothing() {
    let fixture = Fixture::open();
    let cookie = fixture.session(&fixture.admin.key);
    let key = fixture.create_key(&["calls:read"]);
    let path = format!("/v1/keys/{}", key["id"].as_str().unwrap());
    for method in ["GET", "HEAD"] {
        for action in ["/revoke", "/suspend", "/rotate"] {
            let path = format!("{path}{action}");
            let response = fixture.send(method, &path, std::slice::from_ref(&cookie), &Value::Null);
            assert_eq!(response.status, 405, "{response:?}");
        }
        let response = fixture.send(
            method,
            "/sign-out",
            std::slice::from_ref(&cookie),
            &Value::Null,
        );
        assert_eq!(response.status, 405, "{response:?}");
    }
    let shown = fixture.send("GET", &path, &[cookie], &Value::Null).json();
    assert_eq!(shown["status"], "active");
}
