//! Reading token responses.

use std::time::Duration;

use countersign::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::Format;

/// The lifetime of a token whose response does not name it (RFC 6749 §5.1 only recommends `expires_in`).
const UNKNOWN_LIFETIME: Duration = Duration::from_secs(300);

/// A token as the response has it.
pub(crate) struct Issued {
    pub(crate) token: String,
    pub(crate) expiry: Expiry,
}

pub(crate) enum Expiry {
    After(Duration),
    At(Timestamp),
}

#[derive(Deserialize)]
struct OAuthResponse {
    access_token: String,
    token_type: String,
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
struct EnvelopeResponse {
    status: String,
    data: OAuthResponse,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScopedResponse {
    token: String,
    expires_in: u64,
    token_type: String,
}

#[derive(Deserialize)]
struct ManagedResponse {
    token: String,
    details: ManagedDetails,
}

#[derive(Deserialize)]
struct ManagedDetails {
    expires_at: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeySecretResponse {
    token: String,
    expires_at: String,
}

/// Reads the response of a successful request. Returns `None` if it has no bearer token in this format.
pub(crate) fn parse(format: Format, body: &[u8]) -> Option<Issued> {
    match format {
        Format::OAuth { .. } | Format::Session => oauth(serde_json::from_slice(body).ok()?),
        Format::Envelope => {
            let envelope: EnvelopeResponse = serde_json::from_slice(body).ok()?;
            oauth(envelope.data).filter(|_| envelope.status == "OK")
        }
        Format::Scoped => {
            let response: ScopedResponse = serde_json::from_slice(body).ok()?;
            oauth(OAuthResponse {
                access_token: response.token,
                token_type: response.token_type,
                expires_in: Some(response.expires_in),
            })
        }
        Format::Managed => {
            let response: ManagedResponse = serde_json::from_slice(body).ok()?;
            until(response.token, &response.details.expires_at)
        }
        Format::KeySecret => {
            let response: KeySecretResponse = serde_json::from_slice(body).ok()?;
            until(response.token, &response.expires_at)
        }
    }
}

fn oauth(response: OAuthResponse) -> Option<Issued> {
    let lifetime = response
        .expires_in
        .map_or(UNKNOWN_LIFETIME, Duration::from_secs);
    // RFC 6749 §5.1: the type is compared without regard to case. A client must not use a type that it does not know.
    response
        .token_type
        .eq_ignore_ascii_case("bearer")
        .then_some(Issued {
            token: response.access_token,
            expiry: Expiry::After(lifetime),
        })
}

fn until(token: String, expires_at: &str) -> Option<Issued> {
    let expiry = Expiry::At(Timestamp::parse_rfc3339(expires_at).ok()?);
    Some(Issued { token, expiry })
}

/// Returns the error code in the body of a rejected request: `error`, `error.code`, `code` or `type`.
pub(crate) fn error_code(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let candidates = ["/error", "/error/code", "/code", "/type"];
    let code = candidates
        .into_iter()
        .find_map(|path| body.pointer(path)?.as_str())?;
    // The text goes to logs: anything that is not a code is left out.
    let is_code = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
    (code.len() <= 64 && code.bytes().all(is_code)).then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMATS: [(Format, &str); 6] = [
        (
            Format::OAuth {
                secret_in_form: false,
            },
            r#"{"access_token":"t","token_type":"bearer","expires_in":60}"#,
        ),
        (
            Format::Envelope,
            r#"{"status":"OK","type":"SUCCESS","data":{"access_token":"t","token_type":"Bearer","expires_in":60}}"#,
        ),
        (
            Format::Scoped,
            r#"{"token":"t","expiresIn":60,"tokenType":"Bearer"}"#,
        ),
        (
            Format::Managed,
            r#"{"status":"success","token":"t","details":{"expires_at":"2030-01-01T00:00:00Z"}}"#,
        ),
        (
            Format::KeySecret,
            r#"{"token":"t","expiresAt":"2030-01-01T00:00:00.000Z"}"#,
        ),
        (
            Format::Session,
            r#"{"access_token":"t","expires_in":60,"token_type":"Bearer"}"#,
        ),
    ];

    #[test]
    fn each_format_is_read_and_no_other_is_read_as_it() {
        for (format, body) in FORMATS {
            assert_eq!(
                parse(format, body.as_bytes()).unwrap().token,
                "t",
                "{format:?}"
            );
            assert!(parse(format, b"{}").is_none(), "{format:?}");
            assert!(parse(format, b"<html>").is_none(), "{format:?}");
        }
        let error = r#"{"status":"ERROR","data":{"access_token":"t","token_type":"Bearer","expires_in":60}}"#;
        assert!(parse(Format::Envelope, error.as_bytes()).is_none());
        let mac = r#"{"access_token":"t","token_type":"mac","expires_in":60}"#;
        assert!(
            parse(
                Format::OAuth {
                    secret_in_form: false
                },
                mac.as_bytes()
            )
            .is_none()
        );
    }

    #[test]
    fn error_codes_of_all_formats_are_found_and_nothing_else() {
        for (body, code) in [
            (r#"{"error":"invalid_client"}"#, Some("invalid_client")),
            (r#"{"error":{"code":"UNAUTHORIZED"}}"#, Some("UNAUTHORIZED")),
            (
                r#"{"status":"error","code":"not_permitted"}"#,
                Some("not_permitted"),
            ),
            (
                r#"{"status":"ERROR","type":"UNAUTHORIZED"}"#,
                Some("UNAUTHORIZED"),
            ),
            (r#"{"error":"a line\nof text"}"#, None),
            ("[]", None),
            ("", None),
        ] {
            assert_eq!(error_code(body.as_bytes()).as_deref(), code, "{body}");
        }
    }
}
