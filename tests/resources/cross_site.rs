//! Requests that a browser sends for a page of another site, with the password that it has stored.

use http::Method;

use crate::fixture::{FORM, Fixture, TOKENS};

const FOREIGN: (&str, &str) = ("sec-fetch-site", "cross-site");

#[tokio::test]
async fn every_request_of_another_site_that_changes_something_is_rejected() {
    let fixture = Fixture::new().await;
    let id = fixture.token().await.id;
    let session = fixture.log_in(&fixture.admin, Some("worker-7")).await;
    let pair = fixture.admin.basic();
    let token = |action: &str| format!("{TOKENS}/{id}{action}");
    let create = r#"{"token_scope":"account"}"#.to_owned();
    let form = format!("token={session}");
    for (method, path, body) in [
        (Method::POST, TOKENS.to_owned(), create),
        (Method::POST, token("/suspend"), String::new()),
        (Method::POST, token("/activate"), String::new()),
        (Method::POST, token("/revoke"), String::new()),
        (Method::DELETE, token(""), String::new()),
        (
            Method::DELETE,
            "/auth/sessions?session_id=worker-7".to_owned(),
            String::new(),
        ),
        (Method::POST, "/oauth/revoke".to_owned(), form.clone()),
        (Method::POST, "/oauth/introspect".to_owned(), form),
    ] {
        let headers = [("authorization", &*pair), FORM, FOREIGN];
        let rejected = fixture.send(method, &path, &headers, body).await;
        assert_eq!(rejected.code(), (403, "cross_site".into()), "{path}");
    }
    assert!(fixture.accepts(&session).await);
    assert_eq!(
        fixture.send_as_admin(Method::GET, &id).await.json()["details"]["status"],
        "active"
    );
    // Nothing is changed by reading, and the page of another site cannot read the response.
    for path in [TOKENS, "/auth/sessions"] {
        let headers = [("authorization", &*pair), FOREIGN];
        let listed = fixture.send(Method::GET, path, &headers, "").await;
        assert_eq!(listed.status, 200, "{path}");
        assert_eq!(listed.header("access-control-allow-origin"), None);
    }
}
