//! The claims and times of the token.

use countersign::testing::{Flaw, TestIssuer};
use serde_json::{Value, json};

use super::request::{claim, claims, flawed, literal};
use crate::case::cases;

cases! {
    Claims;
    Must InvalidToken "a missing iss is rejected", "RFC 9068 §4":
        |issuer| flawed(issuer, Flaw::IssuerMissing);
    Must InvalidToken "iss with an extra trailing slash is rejected", "RFC 9068 §4; RFC 7519 §4.1.1":
        |issuer| flawed(issuer, Flaw::IssuerWrong);
    Must InvalidToken "iss in another case is rejected", "RFC 9068 §4; RFC 7519 §4.1.1":
        |issuer| claim(issuer, "iss", issuer.url().replace("http:", "HTTP:"));
    Must InvalidToken "iss that only starts with the issuer's URL is rejected",
        "RFC 9068 §4; GHSA-75c5-xw7c-p5pm":
        |issuer| claim(issuer, "iss", format!("{}.evil.test", issuer.url()));
    Must InvalidToken "iss as a list that contains the issuer is rejected", "RFC 7519 §4.1.1":
        |issuer| claim(issuer, "iss", [issuer.url()]);
    Must InvalidToken "a missing aud is rejected", "RFC 9068 §4; RFC 8725 §3.9":
        |issuer| flawed(issuer, Flaw::AudienceMissing);
    Must InvalidToken "aud of another service is rejected", "RFC 7519 §4.1.3":
        |issuer| flawed(issuer, Flaw::AudienceWrong);
    Must InvalidToken "an empty aud is rejected", "RFC 7519 §4.1.3":
        |issuer| claim(issuer, "aud", json!([]));
    Must InvalidToken "aud that only starts with the expected one is rejected", "RFC 7519 §4.1.3":
        |issuer| {
            let longer = format!("{}.evil.test", TestIssuer::AUDIENCE);
            claim(issuer, "aud", longer)
        };
    Must InvalidToken "aud as a number is rejected", "RFC 7519 §4.1.3":
        |issuer| claim(issuer, "aud", 42);
    Should InvalidToken "a missing sub is rejected", "RFC 9068 §2.2":
        |issuer| flawed(issuer, Flaw::SubjectMissing);
    Should InvalidToken "sub as a number is rejected", "RFC 7519 §4.1.2":
        |issuer| claim(issuer, "sub", 42);
    Must InvalidToken "an expired token is rejected", "RFC 7519 §4.1.4":
        |issuer| flawed(issuer, Flaw::Expired);
    Must InvalidToken "a missing exp is rejected", "RFC 9068 §4":
        |issuer| flawed(issuer, Flaw::ExpiryMissing);
    Must InvalidToken "exp as a string is rejected", "RFC 7519 §4.1.4; CVE-2026-25537":
        |issuer| claim(issuer, "exp", "9999999999");
    Must InvalidToken "exp as null is rejected", "RFC 7519 §4.1.4":
        |issuer| claim(issuer, "exp", json!(null));
    Must InvalidToken "a negative exp is rejected", "RFC 7519 §4.1.4":
        |issuer| claim(issuer, "exp", -1);
    Must InvalidToken "exp beyond the range of a double is rejected", "RFC 8259 §6":
        |issuer| literal(issuer, "exp", "1e400");
    Must InvalidToken "a token that is not valid yet is rejected", "RFC 7519 §4.1.5":
        |issuer| flawed(issuer, Flaw::NotYetValid);
    Must InvalidToken "nbf as a string is rejected", "RFC 7519 §4.1.5":
        |issuer| claim(issuer, "nbf", "9999999999");
    Should InvalidToken "a token issued in the future is rejected", "RFC 7519 §4.1.6":
        |issuer| flawed(issuer, Flaw::IssuedInFuture);
    Should InvalidToken "a token that lives for ten years is rejected", "RFC 9700 §2.2.2":
        |issuer| flawed(issuer, Flaw::LifetimeTooLong);
    Should InvalidToken "a token bound to a key (cnf) is rejected where no binding is checked",
        "RFC 7800 §3.1; RFC 9449 §7.1":
        |issuer| flawed(issuer, Flaw::Bound);
    Should InvalidToken "a duplicate claim is rejected", "RFC 7519 §4, which also allows the last one":
        |issuer| flawed(issuer, Flaw::DuplicateClaim);
    Should InvalidToken "a duplicate claim with an escape in its name is rejected",
        "RFC 7519 §4, which also allows the last one":
        |issuer| claims(issuer, |text| text.replacen('{', r#"{"s\u0075b":"mallory","#, 1));
    Must Accepted "aud as a list that contains the expected one is accepted", "RFC 7519 §4.1.3":
        |issuer| {
            let both = json!(["https://other-service.test", TestIssuer::AUDIENCE]);
            claim(issuer, "aud", both)
        };
    Must Accepted "exp with a fraction is accepted", "RFC 7519 §2, NumericDate":
        |issuer| {
            let claims: Value = serde_json::from_str(&issuer.token().claims_json())?;
            let exp = claims.get("exp").ok_or("the token has no exp")?;
            literal(issuer, "exp", &format!("{exp}.5"))
        };
    Must Accepted "an unknown claim is ignored", "RFC 7519 §4":
        |issuer| claim(issuer, "urn:x", json!({ "a": [1, null] }));
}
