//! security.md row 78; CVE-2012-5563, CVE-2026-9097: a bearer token never mints another.

use crate::fixture::{Fixture, GRANT, basic};

const REFUSED: &str = r#"{"error":"unauthorized_client","error_description":"a bearer token cannot be used to get another token"}"#;

async fn token(fixture: &Fixture) -> String {
    let answer = fixture
        .post(&[("x-api-key", fixture.api_key())], GRANT)
        .await;
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    body["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn bearer_is_refused_before_anything_is_parsed_valid_or_garbage() {
    let fixture = Fixture::new().await;
    let token = token(&fixture).await;
    let before = fixture.look_ups();
    let values = [
        format!("Bearer {token}"),
        format!("bearer {token}"),
        format!("DPoP {token}"),
        format!("Bearer {}", fixture.api_key()),
        "Bearer garbage".to_owned(),
        "Bearer".to_owned(),
        "Bearer\t".to_owned(),
        "BEARER=x".to_owned(),
        format!("Basic eDp5, Bearer {token}"),
    ];
    for value in values {
        for body in [GRANT, "not a form at all", ""] {
            let answer = fixture.post(&[("authorization", &value)], body).await;
            assert_eq!(
                (answer.status.as_u16(), answer.body.as_str()),
                (403, REFUSED),
                "{value}"
            );
        }
    }
    assert_eq!(fixture.look_ups(), before, "nothing is looked up");
}

#[tokio::test]
async fn bearer_is_refused_beside_a_valid_key_in_header_or_form() {
    let fixture = Fixture::new().await;
    let token = format!("Bearer {}", token(&fixture).await);
    let pair = basic(&fixture.id(), fixture.secret());
    let form = format!(
        "{GRANT}&client_id={}&client_secret={}",
        fixture.id(),
        fixture.secret()
    );
    let before = fixture.look_ups();
    let cases: [(&[(&str, &str)], &str); 4] = [
        (
            &[("authorization", &token), ("x-api-key", fixture.api_key())],
            GRANT,
        ),
        (
            &[("authorization", &token), ("authorization", &pair)],
            GRANT,
        ),
        (
            &[("authorization", &pair), ("authorization", &token)],
            GRANT,
        ),
        (&[("authorization", &token)], &form),
    ];
    for (headers, form) in cases {
        let answer = fixture.post(headers, form.to_owned()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.body.as_str()),
            (403, REFUSED)
        );
    }
    assert_eq!(fixture.look_ups(), before);
}

#[tokio::test]
async fn token_pasted_as_key_secret_or_password_is_an_ordinary_401_without_a_look_up() {
    let fixture = Fixture::new().await;
    let token = token(&fixture).await;
    let before = fixture.look_ups();
    let form = format!("{GRANT}&client_id={}&client_secret={token}", fixture.id());
    let answers = [
        fixture.post(&[("x-api-key", &token)], GRANT).await,
        fixture
            .post(&[("authorization", &basic(&fixture.id(), &token))], GRANT)
            .await,
        fixture
            .post(&[("authorization", &basic("user", &token))], GRANT)
            .await,
        fixture
            .post(&[("authorization", &basic(&token, "x"))], GRANT)
            .await,
        fixture.post(&[], form).await,
    ];
    for answer in &answers {
        assert_eq!(answer.status, 401);
        assert_eq!(answer.body, answers[0].body);
    }
    assert_eq!(fixture.look_ups(), before);
}

#[tokio::test]
async fn token_in_the_query_or_the_form_mints_nothing() {
    let fixture = Fixture::new().await;
    let token = token(&fixture).await;
    for form in [
        format!("{GRANT}&access_token={token}"),
        format!("{GRANT}&token={token}"),
        format!("grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion={token}"),
    ] {
        let answer = fixture.post(&[], form).await;
        assert!(matches!(answer.status.as_u16(), 400 | 401));
        assert!(!answer.body.contains("access_token"));
    }
}
