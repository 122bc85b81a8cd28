//! Form bodies.

use super::{error_message, rejection};
use crate::fixture::{Fixture, GRANT, WireKind};

#[tokio::test]
async fn form_is_rejected_when_its_type_or_encoding_is_wrong() {
    let fixture = Fixture::new().await;
    let not_form = "the body must be application/x-www-form-urlencoded";
    let unreadable = "the form is not valid";
    let repeated = "a parameter is repeated";
    for content_type in ["", "application/json", "text/plain"] {
        let headers = [
            ("x-api-key", fixture.api_key()),
            ("content-type", content_type),
        ];
        for body in [GRANT, r#"{"grant_type":"client_credentials"}"#] {
            let response = fixture.post(WireKind::OAuth, &headers, body).await;
            assert_eq!(response.status, 400);
            assert_eq!(
                error_message(WireKind::OAuth, &response),
                not_form,
                "{content_type}"
            );
        }
    }
    let many: Vec<_> = (0..65).map(|i| format!("p{i}=1")).collect();
    let many = many.join("&");
    let cases: [(&[u8], &str); 7] = [
        (b"\xff\xfe", unreadable),
        (b"grant_type=%ff", unreadable),
        (b"grant_type=%zz", unreadable),
        (b"grant_type=%2", unreadable),
        (b"grant_type=client_credentials&grant_type=x", repeated),
        (b"grant_type=client_credentials&x=1&%78=2", repeated),
        (many.as_bytes(), "there are too many parameters"),
    ];
    for (body, message) in cases {
        let got = rejection(&fixture, WireKind::OAuth, body).await;
        assert_eq!(got, (400, message.to_owned()), "{}", body.escape_ascii());
    }
}

#[tokio::test]
async fn unknown_and_empty_parameters_are_ignored() {
    let fixture = Fixture::new().await;
    for form in ["&audience=x&unknown=1", "&scope=&resource=", "&&"] {
        let response = fixture
            .post_with_key(WireKind::OAuth, format!("{GRANT}{form}"))
            .await;
        assert_eq!(response.status, 200, "{form}");
    }
    let charset = "Application/X-WWW-Form-URLencoded; charset=UTF-8";
    let headers = [("x-api-key", fixture.api_key()), ("content-type", charset)];
    let response = fixture.post(WireKind::OAuth, &headers, GRANT).await;
    assert_eq!(response.status, 200);
}
