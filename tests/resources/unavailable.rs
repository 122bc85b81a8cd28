//! What was never judged is 503: not refused, not inactive, not done.

use http::Method;
use serde_json::json;

use crate::fixture::{FORM, TOKENS, World};

#[tokio::test]
async fn a_stale_directory_is_503_everywhere() {
    let world = World::new().await;
    let managed = world.token().await;
    let token = world.access_token(&world.admin).await;
    world.log_in(&world.admin, None).await;
    world.go_stale();
    let key = ("x-api-key", &*world.admin.key);
    let (bearer, of_managed) = (format!("Bearer {token}"), managed.bearer());
    let form = format!("token={token}");
    let create = json!({"token_scope": "account"}).to_string();
    let id = &managed.id;
    let mut cases = vec![
        (
            Method::POST,
            TOKENS.to_owned(),
            vec![key],
            create,
            "unavailable",
        ),
        (
            Method::GET,
            "/auth/sessions".into(),
            vec![key],
            String::new(),
            "temporarily_unavailable",
        ),
        (
            Method::DELETE,
            "/auth/sessions?session_id=x".into(),
            vec![key],
            String::new(),
            "temporarily_unavailable",
        ),
        (
            Method::POST,
            "/oauth/introspect".into(),
            vec![FORM, key],
            form.clone(),
            "temporarily_unavailable",
        ),
        (
            Method::POST,
            "/oauth/revoke".into(),
            vec![FORM, key],
            form,
            "temporarily_unavailable",
        ),
    ];
    for headers in [
        key,
        ("authorization", &*bearer),
        ("authorization", &*of_managed),
    ] {
        for (method, path) in [
            (Method::GET, TOKENS.to_owned()),
            (Method::GET, format!("{TOKENS}/{id}")),
            (Method::POST, format!("{TOKENS}/{id}/revoke")),
            (Method::DELETE, format!("{TOKENS}/{id}")),
        ] {
            cases.push((method, path, vec![headers], String::new(), "unavailable"));
        }
    }
    for (method, path, headers, body, code) in cases {
        let refused = world.send(method.clone(), &path, &headers, body).await;
        assert_eq!(
            refused.code(),
            (503, code.into()),
            "{method} {path} {headers:?}"
        );
        assert_eq!(refused.header("retry-after"), Some("1"));
        assert!(refused.challenges().is_empty());
    }
}
