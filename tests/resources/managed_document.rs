//! seeds/002: "Create a new API token". Each of its examples, in its place.

use http::Method;
use serde_json::{Value, json};

use crate::fixture::{FORM, Managed, NOW, TOKENS, URL, World, claims};

/// seeds/002: every example value that has a form of its own.
const EXAMPLE_ACCOUNT: &str = "013xrzp12g3nqk8ngskn1wtxgka5b0nf";
const EXAMPLE_ENVIRONMENT: &str = "013xrzp12g3nqk8nzxvq7jm2arsfg5h1";
const EXAMPLE_USER: &str = "013xrzp12g3nqk8nh0qrc2b1jfanmvb9";
const EXAMPLE_TOKEN: &str = "013xrzp12g3nqk8n7f8f9jbg8d18q7tm";
const EXAMPLE_DATE: &str = "2024-01-01T00:00:00Z";
const EXAMPLE_JWT: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

#[tokio::test]
async fn seed_002_a_token_is_created_and_answered_to_the_letter() {
    let world = World::new().await;
    let body = json!({
        "account_id": world.admin.account.to_string(),
        "environment_id": world.sandbox.id.to_string(),
        "expires_at": "2026-06-01T00:00:00Z",
        "token_scope": "environment",
    });
    let created = world.create(body).await.ok();
    let Managed { id, token, .. } = Managed::of(&created);
    let (account, environment) = (world.admin.account, world.sandbox.id);
    assert_eq!(
        created.body,
        format!(
            concat!(
                r#"{{"status":"success","token":"{token}","details":{{"type":"api_token","id":"{id}","#,
                r#""account_id":"{account}","environment_id":"{environment}","token_scope":"environment","#,
                r#""status":"active","available_actions":{{"activate":false,"suspend":true,"revoke":true,"#,
                r#""delete":false}},"created_by_admin_user_id":null,"expires_at":"2026-06-01T00:00:00Z","#,
                r#""inserted_at":"2026-03-15T12:00:00Z","updated_at":"2026-03-15T12:00:00Z","#,
                r#""last_used_at":null}}}}"#,
            ),
            token = token,
            id = id,
            account = account,
            environment = environment,
        )
    );
    assert_eq!(created.header("content-type"), Some("application/json"));
    assert_eq!(
        claims(&token),
        json!({
            "iss": URL, "sub": id, "client_id": id, "aud": URL, "jti": id,
            "iat": NOW.unix_seconds(), "exp": 1_780_272_000,
            "scope": "api_token:* calls:read wallet:*",
            "account": account.to_string(), "environment": environment.to_string(), "agn": 1,
        })
    );
}

#[tokio::test]
async fn seed_002_each_member_has_the_form_of_its_example() {
    let world = World::new().await;
    let token = world.token().await;
    let same_form = |example: &str, value: &Value| {
        let class = |c: char| match c {
            '0'..='9' => '0',
            'a'..='z' => '0',
            other => other,
        };
        let form = |text: &str| text.chars().map(class).collect::<String>();
        assert_eq!(form(value.as_str().unwrap()), form(example));
    };
    let details = &token.details;
    same_form(EXAMPLE_ACCOUNT, &details["account_id"]);
    same_form(EXAMPLE_TOKEN, &details["id"]);
    for moment in ["expires_at", "inserted_at", "updated_at"] {
        same_form(EXAMPLE_DATE, &details[moment]);
    }
    assert_eq!(details["status"], "active");
    assert_eq!(details["token_scope"], "account");
    assert_eq!(details["type"], "api_token");
    assert_eq!(details["environment_id"], Value::Null);
    // A JWT, as the example is, though of another algorithm.
    assert!(token.token.starts_with(&EXAMPLE_JWT[..3]));
    assert_eq!(token.token.split('.').count(), 3);
}

#[tokio::test]
async fn seed_002_the_examples_ids_are_ids_of_others_here() {
    let world = World::new().await;
    let foreign = json!({"token_scope": "account", "account_id": EXAMPLE_ACCOUNT});
    assert_eq!(
        world.create(foreign).await.code(),
        (403, "not_permitted".into())
    );
    let foreign = json!({"token_scope": "environment", "environment_id": EXAMPLE_ENVIRONMENT});
    let refused = world.create(foreign).await;
    assert_eq!(
        refused.said(),
        (
            422,
            r#"{"status":"error","code":"validation_errors","message":"some members are not valid","errors":{"environment_id":["must be an environment of the account"]}}"#
        )
    );
    for id in [EXAMPLE_TOKEN, EXAMPLE_USER] {
        assert_eq!(
            world.act(Method::GET, id).await.code(),
            (404, "not_found".into())
        );
    }
}

#[tokio::test]
async fn seed_002_errors_are_of_two_shapes() {
    let world = World::new().await;
    let headers = [("x-api-key", &*world.admin.key)];
    let refused = world.send(Method::POST, TOKENS, &headers, "{").await;
    assert_eq!(
        refused.said(),
        (
            400,
            r#"{"status":"error","code":"bad_request","message":"the body is not JSON"}"#
        )
    );
    let refused = world
        .create(json!({"token_scope": "account", "expires_at": EXAMPLE_DATE}))
        .await;
    assert_eq!(
        refused.said(),
        (
            422,
            r#"{"status":"error","code":"validation_errors","message":"some members are not valid","errors":{"expires_at":["must be in the future"]}}"#
        )
    );
}

#[tokio::test]
async fn seed_002_the_created_token_mints_on_no_wire() {
    let world = World::new().await;
    let token = world.token().await;
    assert!(world.lets_in(&token.token).await);
    let bearer = token.bearer();
    let form = "grant_type=client_credentials";
    let chained = world
        .send(
            Method::POST,
            "/oauth/token",
            &[FORM, ("authorization", &bearer)],
            form,
        )
        .await;
    assert_eq!(chained.code(), (403, "unauthorized_client".into()));
    let as_key = world
        .send(
            Method::POST,
            "/oauth/token",
            &[FORM, ("x-api-key", &token.token)],
            form,
        )
        .await;
    assert_eq!(as_key.code(), (401, "invalid_client".into()));
    let as_secret = format!(
        "{form}&client_id={}&client_secret={}",
        token.id, token.token
    );
    let as_secret = world
        .send(Method::POST, "/oauth/token", &[FORM], as_secret)
        .await;
    assert_eq!(as_secret.code(), (401, "invalid_client".into()));
    let body = json!({"api_key": token.token}).to_string();
    let log_in = world.send(Method::POST, "/auth/login", &[], body).await;
    assert_eq!(log_in.code(), (401, "invalid_client".into()));
    let body = json!({"token_scope": "account"});
    let another = world
        .create_by(&[("authorization", &bearer)], body.clone())
        .await;
    assert_eq!(another.code(), (403, "not_permitted".into()));
    let another = world.create_by(&[("x-api-key", &token.token)], body).await;
    assert_eq!(another.code(), (401, "bad_authtoken".into()));
}
