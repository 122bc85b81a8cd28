//! Wire `managed`: the examples of the vendor's documentation of "Create a new API token".

use http::Method;
use serde_json::{Value, json};

use crate::fixture::{FORM, Fixture, ManagedToken, NOW, TOKENS, URL, claims};

const EXAMPLE_ACCOUNT: &str = "013xrzp12g3nqk8ngskn1wtxgka5b0nf";
const EXAMPLE_ENVIRONMENT: &str = "013xrzp12g3nqk8nzxvq7jm2arsfg5h1";
const EXAMPLE_USER: &str = "013xrzp12g3nqk8nh0qrc2b1jfanmvb9";
const EXAMPLE_TOKEN: &str = "013xrzp12g3nqk8n7f8f9jbg8d18q7tm";
const EXAMPLE_DATE: &str = "2024-01-01T00:00:00Z";
const EXAMPLE_JWT: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

#[tokio::test]
async fn created_token_has_exactly_the_documented_members() {
    let fixture = Fixture::new().await;
    let body = json!({
        "account_id": fixture.admin.account.to_string(),
        "environment_id": fixture.sandbox.id.to_string(),
        "expires_at": "2026-06-01T00:00:00Z",
        "token_scope": "environment",
    });
    let created = fixture.create(body).await.ok();
    let ManagedToken { id, token, .. } = ManagedToken::from_response(&created);
    let (account, environment) = (fixture.admin.account, fixture.sandbox.id);
    assert_eq!(
        created.body,
        format!(
            concat!(
                r#"{{"status":"success","token":"{token}","details":{{"type":"api_token","id":"{id}","#,
                r#""account_id":"{account}","environment_id":"{environment}","token_scope":"environment","#,
                r#""status":"active","available_actions":{{"activate":false,"suspend":true,"revoke":true,"#,
                r#""delete":false}},"created_by_admin_user_id":null,"created_by_credential_id":"{creator}","#,
                r#""expires_at":"2026-06-01T00:00:00Z","#,
                r#""inserted_at":"2026-03-15T12:00:00Z","updated_at":"2026-03-15T12:00:00Z","#,
                r#""last_used_at":null}}}}"#,
            ),
            token = token,
            id = id,
            account = account,
            environment = environment,
            creator = fixture.admin.id,
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
async fn each_member_has_the_format_of_its_example() {
    let fixture = Fixture::new().await;
    let token = fixture.token().await;
    let assert_same_format = |example: &str, value: &Value| {
        let class = |c: char| match c {
            '0'..='9' => '0',
            'a'..='z' => '0',
            other => other,
        };
        let format = |text: &str| text.chars().map(class).collect::<String>();
        assert_eq!(format(value.as_str().unwrap()), format(example));
    };
    let details = &token.details;
    assert_same_format(EXAMPLE_ACCOUNT, &details["account_id"]);
    assert_same_format(EXAMPLE_TOKEN, &details["id"]);
    for time in ["expires_at", "inserted_at", "updated_at"] {
        assert_same_format(EXAMPLE_DATE, &details[time]);
    }
    assert_eq!(details["status"], "active");
    assert_eq!(details["token_scope"], "account");
    assert_eq!(details["type"], "api_token");
    assert_eq!(details["environment_id"], Value::Null);
    // The example is a JWT, too, with another algorithm.
    assert!(token.token.starts_with(&EXAMPLE_JWT[..3]));
    assert_eq!(token.token.split('.').count(), 3);
}

#[tokio::test]
async fn ids_of_the_examples_belong_to_no_account_here() {
    let fixture = Fixture::new().await;
    let other = json!({"token_scope": "account", "account_id": EXAMPLE_ACCOUNT});
    assert_eq!(
        fixture.create(other).await.code(),
        (403, "not_permitted".into())
    );
    let other = json!({"token_scope": "environment", "environment_id": EXAMPLE_ENVIRONMENT});
    let rejected = fixture.create(other).await;
    assert_eq!(
        rejected.status_and_body(),
        (
            422,
            r#"{"status":"error","code":"validation_errors","message":"the request has invalid fields: see errors","errors":{"environment_id":["must be an environment of the account"]}}"#
        )
    );
    for id in [EXAMPLE_TOKEN, EXAMPLE_USER] {
        assert_eq!(
            fixture.send_as_admin(Method::GET, id).await.code(),
            (404, "not_found".into())
        );
    }
}

#[tokio::test]
async fn errors_have_one_of_two_formats() {
    let fixture = Fixture::new().await;
    let headers = [("x-api-key", &*fixture.admin.key)];
    let rejected = fixture.send(Method::POST, TOKENS, &headers, "{").await;
    assert_eq!(
        rejected.status_and_body(),
        (
            400,
            r#"{"status":"error","code":"bad_request","message":"the body is not JSON"}"#
        )
    );
    let rejected = fixture
        .create(json!({"token_scope": "account", "expires_at": EXAMPLE_DATE}))
        .await;
    assert_eq!(
        rejected.status_and_body(),
        (
            422,
            r#"{"status":"error","code":"validation_errors","message":"the request has invalid fields: see errors","errors":{"expires_at":["must be in the future"]}}"#
        )
    );
}

#[tokio::test]
async fn managed_token_gets_no_token_from_any_endpoint() {
    let fixture = Fixture::new().await;
    let token = fixture.token().await;
    assert!(fixture.accepts(&token.token).await);
    let bearer = token.bearer();
    let form = "grant_type=client_credentials";
    let chained = fixture
        .send(
            Method::POST,
            "/oauth/token",
            &[FORM, ("authorization", &bearer)],
            form,
        )
        .await;
    assert_eq!(chained.code(), (403, "unauthorized_client".into()));
    let as_key = fixture
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
    let as_secret = fixture
        .send(Method::POST, "/oauth/token", &[FORM], as_secret)
        .await;
    assert_eq!(as_secret.code(), (401, "invalid_client".into()));
    let body = json!({"api_key": token.token}).to_string();
    let log_in = fixture.send(Method::POST, "/auth/login", &[], body).await;
    assert_eq!(log_in.code(), (401, "invalid_client".into()));
    let body = json!({"token_scope": "account"});
    let another = fixture
        .create_by(&[("authorization", &bearer)], body.clone())
        .await;
    assert_eq!(another.code(), (403, "not_permitted".into()));
    let another = fixture
        .create_by(&[("x-api-key", &token.token)], body)
        .await;
    assert_eq!(another.code(), (401, "bad_authtoken".into()));
}
