//! Tokens that no issuer makes: parts that a [`TestToken`](crate::testing::TestToken) cannot hold.

use http::Request;
use serde_json::Value;

use super::case::{MakeError, bearer};
use crate::jose::{KeyError, encode_into};
use crate::testing::token::sign;
use crate::testing::{Flaw, TestIssuer};

type Made = Result<Request<()>, MakeError>;

/// A good token with one flaw.
pub(super) fn flawed(issuer: &TestIssuer, flaw: Flaw) -> Made {
    bearer(issuer.flawed(flaw))
}

/// A good token with another claim.
pub(super) fn claim(issuer: &TestIssuer, name: &str, value: Value) -> Made {
    bearer(issuer.token().claim(name, value).sign())
}

/// A good token with another member in its header.
pub(super) fn header(issuer: &TestIssuer, name: &str, value: Value) -> Made {
    let mut token = issuer.token();
    token.header.insert(name.to_owned(), value);
    bearer(token.sign())
}

/// A token that is signed over claims as `rewrite` leaves their text.
pub(super) fn claims(issuer: &TestIssuer, rewrite: fn(&str) -> String) -> Made {
    let good = issuer.token();
    let claims = Value::Object(good.claims.clone()).to_string();
    bearer(sign(&good.header, &rewrite(&claims), &good.key))
}

/// A signed token whose time `name` is this number as it is written.
pub(super) fn time(issuer: &TestIssuer, name: &str, literal: &str) -> Made {
    let mut good = issuer.token();
    good.claims.remove(name);
    let claims = Value::Object(good.claims).to_string();
    let claims = claims.replacen('{', &format!("{{\"{name}\":{literal},"), 1);
    bearer(sign(&good.header, &claims, &good.key))
}

/// A good token whose header is this text; the signature covers it.
pub(super) fn header_text(issuer: &TestIssuer, rewrite: fn(&str) -> String) -> Made {
    let good = issuer.token();
    let header = rewrite(&Value::Object(good.header.clone()).to_string());
    let mut token = encode(&header);
    token.push('.');
    token.push_str(&encode(&Value::Object(good.claims).to_string()));
    let input = token.clone();
    token.push('.');
    good.key.sign(input.as_bytes(), &mut token)?;
    bearer(Ok(token))
}

/// The parts of a good token, put together in another way.
pub(super) fn parts(
    issuer: &TestIssuer,
    join: impl FnOnce(&str, &str, &str) -> String,
) -> Result<Request<()>, MakeError> {
    let token = issuer.token().sign()?;
    let mut parts = token.splitn(3, '.');
    let (Some(header), Some(claims), Some(signature)) = (parts.next(), parts.next(), parts.next())
    else {
        return Err(KeyError::Failed.into());
    };
    bearer(Ok(join(header, claims, signature)))
}

pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::new();
    encode_into(text.as_bytes(), &mut encoded);
    encoded
}
