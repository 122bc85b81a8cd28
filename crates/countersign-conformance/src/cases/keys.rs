//! Key rotation, and key endpoints that fail.

use countersign::testing::{Flaw, IssuerResponse, TestIssuer};

use super::request::{RequestResult, flawed, valid};
use crate::case::{Step, cases};

cases! {
    Keys;
    Must Accepted "a token of a newly published key is accepted", "RFC 7517 §5; OpenID Connect Core §10.1.1",
        [Step::Rotate, Step::Create(valid)]: valid;
    Must Accepted "a token of a published key that no longer signs is accepted",
        "OpenID Connect Core §10.1.1",
        [Step::Rotate]: valid;
    Must InvalidToken "a token of a withdrawn key is rejected", "OpenID Connect Core §10.1.1",
        [
            Step::Rotate,
            Step::Rotate,
            Step::Rotate,
            Step::Send(valid),
            Step::Change(TestIssuer::withdraw),
            // A target that fetches keys only for an unknown key id fetches them now.
            Step::Send(unknown_key),
        ]: valid;
    Must InvalidToken "a hundred unknown key ids cause at most two fetches",
        "countersign's `remote`; RFC 8725 §3.10",
        [Step::Flood(100)]: unknown_key;
    Must Accepted "a valid token is accepted after unknown key ids", "RFC 8725 §3.10",
        [Step::Flood(100)]: valid;
    Should Accepted "a key of an unknown type does not disable the others", "RFC 7517 §5",
        [Step::Before(add_unusable_key)]: valid;
    Should Accepted "the last valid keys stay in use while no keys can be fetched", "countersign's `remote`",
        [LOAD_KEYS, Step::Change(fail)]: valid;
    Should Accepted "the last valid keys stay in use while the document is not a key set",
        "countersign's `remote`",
        [LOAD_KEYS, Step::Change(publish_html)]: valid;
    Must Unavailable "a token cannot be verified before keys were loaded", "RFC 9110 §15.6.4",
        [Step::Before(fail)]: valid;
}

/// A target that fetches keys when they are first needed has them after this step.
const LOAD_KEYS: Step = Step::Send(valid);

/// Returns a request with a token whose key id the issuer does not publish.
fn unknown_key(issuer: &TestIssuer) -> RequestResult {
    flawed(issuer, Flaw::KeyIdUnknown)
}

/// Makes requests for keys fail with 500.
fn fail(issuer: &TestIssuer) {
    issuer.set_keys_response(IssuerResponse::Status(500));
}

/// Answers requests for keys with a document that is not a key set.
fn publish_html(issuer: &TestIssuer) {
    issuer.set_keys_response(IssuerResponse::Body("<html>".to_owned()));
}

/// Publishes a key of a type that this program does not know, before the others.
fn add_unusable_key(issuer: &TestIssuer) {
    let first = r#"{"keys":[{"kty":"AKP","alg":"ML-DSA-44","kid":"0","pub":"AA"},"#;
    let keys = issuer.jwks().replacen(r#"{"keys":["#, first, 1);
    issuer.set_keys_response(IssuerResponse::Body(keys));
}
