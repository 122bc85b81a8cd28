//! Requests with tokens that an issuer would not mint.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::jose::KeyError;
use countersign::testing::{Flaw, TestIssuer};
use http::Request;
use http::header::AUTHORIZATION;
use serde_json::Value;

use crate::BoxError;

pub(super) type RequestResult = Result<Request<()>, BoxError>;

/// Returns a request with this token in the `Authorization` header.
pub(crate) fn bearer(token: Result<String, KeyError>) -> RequestResult {
    let value = format!("Bearer {}", token?);
    Ok(Request::get("/").header(AUTHORIZATION, value).body(())?)
}

/// Returns a request with a valid token.
pub(super) fn valid(issuer: &TestIssuer) -> RequestResult {
    bearer(issuer.token().sign())
}

/// Returns a request with a token that is valid except for one flaw.
pub(super) fn flawed(issuer: &TestIssuer, flaw: Flaw) -> RequestResult {
    bearer(issuer.flawed(flaw))
}

/// Returns a request with a token in which this claim is set.
pub(super) fn claim(issuer: &TestIssuer, name: &str, value: impl Into<Value>) -> RequestResult {
    bearer(issuer.token().claim(name, value.into()).sign())
}

/// Returns a request with a token in whose header this member is set.
pub(super) fn header(issuer: &TestIssuer, name: &str, value: impl Into<Value>) -> RequestResult {
    bearer(issuer.token().header(name, value.into()).sign())
}

/// Returns a request with a token whose claims are the result of `rewrite`. The signature covers it.
pub(super) fn claims(issuer: &TestIssuer, rewrite: impl FnOnce(&str) -> String) -> RequestResult {
    let token = issuer.token();
    bearer(token.sign_text(&token.header_json(), &rewrite(&token.claims_json())))
}

/// Returns a request with a token in which the claim `name` is this JSON text.
pub(super) fn literal(issuer: &TestIssuer, name: &str, literal: &str) -> RequestResult {
    let token = issuer.token().claim(name, "placeholder");
    let claims = token.claims_json().replace("\"placeholder\"", literal);
    bearer(token.sign_text(&token.header_json(), &claims))
}

/// Returns a request with a token whose header is the result of `rewrite`. The signature covers it.
pub(super) fn header_text(issuer: &TestIssuer, rewrite: fn(&str) -> String) -> RequestResult {
    let token = issuer.token();
    bearer(token.sign_text(&rewrite(&token.header_json()), &token.claims_json()))
}

/// Returns a request with the text that `join` makes of the encoded header, claims and signature of a valid token.
pub(super) fn parts(
    issuer: &TestIssuer,
    join: impl FnOnce(&str, &str, &str) -> String,
) -> RequestResult {
    let token = issuer.token().sign()?;
    let mut parts = token.splitn(3, '.');
    let (Some(header), Some(claims), Some(signature)) = (parts.next(), parts.next(), parts.next())
    else {
        return Err("a signed token has fewer than three parts".into());
    };
    bearer(Ok(join(header, claims, signature)))
}

/// Encodes in base64url without padding (RFC 7515 §2).
pub(super) fn encode(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}
