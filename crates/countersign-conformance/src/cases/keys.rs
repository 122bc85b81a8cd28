//! Key rotation, and key endpoints that fail.

use countersign::testing::{Flaw, IssuerResponse, TestIssuer};

use super::request::{flawed, valid};
use crate::Expected::{self, Accepted, InvalidToken, Unavailable};
use crate::Group::Keys;
use crate::Level::{self, Must, Should};
use crate::case::{Case, CreateRequest, Step};

pub(crate) const CASES: &[Case] = &[
    keys(
        "a token of a newly published key is accepted",
        "RFC 7517 §5; OpenID Connect Core §10.1.1",
        (Must, Accepted),
        &[Step::Change(TestIssuer::rotate), Step::Create(valid)],
        valid,
    ),
    keys(
        "a token of a published key that no longer signs is accepted",
        "OpenID Connect Core §10.1.1",
        (Must, Accepted),
        &[Step::Change(TestIssuer::rotate)],
        valid,
    ),
    keys(
        "a token of a withdrawn key is rejected",
        "OpenID Connect Core §10.1.1",
        (Must, InvalidToken),
        &[
            Step::Change(|issuer| {
                issuer.rotate()?;
                issuer.rotate()?;
                issuer.rotate()
            }),
            Step::Send(valid),
            Step::Change(|issuer| {
                issuer.withdraw();
                Ok(())
            }),
            // A target that fetches keys only for an unknown key id fetches them now.
            Step::Send(|issuer| flawed(issuer, Flaw::KeyIdUnknown)),
        ],
        valid,
    ),
    keys(
        "a hundred unknown key ids cause at most two fetches",
        "countersign's `remote`; RFC 8725 §3.10",
        (Must, InvalidToken),
        &[Step::Flood(100)],
        |issuer| flawed(issuer, Flaw::KeyIdUnknown),
    ),
    keys(
        "a valid token is accepted after unknown key ids",
        "RFC 8725 §3.10",
        (Must, Accepted),
        &[Step::Flood(100)],
        valid,
    ),
    keys(
        "a key of an unknown type does not disable the others",
        "RFC 7517 §5",
        (Should, Accepted),
        &[Step::Before(|issuer| {
            let more = r#"{"keys":[{"kty":"AKP","alg":"ML-DSA-44","kid":"0","pub":"AA"},"#;
            issuer.set_keys_response(IssuerResponse::Body(issuer.jwks().replacen(
                r#"{"keys":["#,
                more,
                1,
            )));
        })],
        valid,
    ),
    keys(
        "the last valid keys stay in use while no keys can be fetched",
        "countersign's `remote`",
        (Should, Accepted),
        &[
            LOAD_KEYS,
            Step::Change(|issuer| {
                fail(issuer);
                Ok(())
            }),
        ],
        valid,
    ),
    keys(
        "the last valid keys stay in use while the document is not a key set",
        "countersign's `remote`",
        (Should, Accepted),
        &[
            LOAD_KEYS,
            Step::Change(|issuer| {
                issuer.set_keys_response(IssuerResponse::Body("<html>".to_owned()));
                Ok(())
            }),
        ],
        valid,
    ),
    keys(
        "a token cannot be verified before keys were loaded",
        "RFC 9110 §15.6.4",
        (Must, Unavailable),
        &[Step::Before(fail)],
        valid,
    ),
];

/// A target that fetches keys when they are first needed has them after this step.
const LOAD_KEYS: Step = Step::Send(valid);

/// Makes requests for keys fail with 500.
fn fail(issuer: &TestIssuer) {
    issuer.set_keys_response(IssuerResponse::Status(500));
}

const fn keys(
    name: &'static str,
    source: &'static str,
    (level, expected): (Level, Expected),
    steps: &'static [Step],
    create: CreateRequest,
) -> Case {
    Case {
        name,
        group: Keys,
        level,
        source,
        expected,
        steps,
        create,
    }
}
