//! Keys that change and fail.

use super::Expected;
use super::Expected::{Accepted, InvalidToken, Unavailable};
use super::Group::Keys;
use super::Level::{self, Must, Should};
use super::case::{Case, Make, Step, bearer, good, unavailable};
use crate::testing::{Answer, Flaw, TestIssuer};

pub(super) const CASES: &[Case] = &[
    keys(
        "a key that was published since is accepted",
        "RFC 7517 §5; OpenID Connect Core §10.1.1",
        (Must, Accepted),
        &[
            Step::Then(TestIssuer::rotate),
            Step::Make(|issuer| bearer(good(issuer))),
        ],
        |issuer| bearer(good(issuer)),
    ),
    keys(
        "a published key that does not sign now is accepted",
        "OpenID Connect Core §10.1.1",
        (Must, Accepted),
        &[Step::Then(TestIssuer::rotate)],
        |issuer| bearer(good(issuer)),
    ),
    keys(
        "a key that was withdrawn is refused",
        "OpenID Connect Core §10.1.1",
        (Must, InvalidToken),
        &[
            Step::Then(|issuer| {
                issuer.rotate()?;
                issuer.rotate()?;
                issuer.rotate()
            }),
            Step::Send(|issuer| bearer(good(issuer))),
            Step::Then(|issuer| {
                issuer.withdraw();
                Ok(())
            }),
            // Whoever fetches only for unknown keys is given one.
            Step::Send(|issuer| bearer(issuer.flawed(Flaw::KeyIdUnknown))),
        ],
        |issuer| bearer(good(issuer)),
    ),
    keys(
        "a hundred unknown key ids cost two fetches at most",
        "this crate's `remote`; RFC 8725 §3.10",
        (Must, InvalidToken),
        &[Step::Flood(100)],
        |issuer| bearer(issuer.flawed(Flaw::KeyIdUnknown)),
    ),
    keys(
        "a good token is accepted after unknown key ids",
        "RFC 8725 §3.10",
        (Must, Accepted),
        &[Step::Flood(100)],
        |issuer| bearer(good(issuer)),
    ),
    keys(
        "a key of an unknown kind does not spoil the others",
        "RFC 7517 §5",
        (Should, Accepted),
        &[Step::First(|issuer| {
            let more = r#"{"keys":[{"kty":"AKP","alg":"ML-DSA-44","kid":"0","pub":"AA"},"#;
            issuer.answer_keys(Answer::Body(issuer.jwks().replacen(
                r#"{"keys":["#,
                more,
                1,
            )));
        })],
        |issuer| bearer(good(issuer)),
    ),
    keys(
        "keys that cannot be fetched leave the last good ones",
        "this crate's `remote`",
        (Should, Accepted),
        &[
            LOADED,
            Step::Then(|issuer| {
                unavailable(issuer);
                Ok(())
            }),
        ],
        |issuer| bearer(good(issuer)),
    ),
    keys(
        "a document that is no key set leaves the last good keys",
        "this crate's `remote`",
        (Should, Accepted),
        &[
            LOADED,
            Step::Then(|issuer| {
                issuer.answer_keys(Answer::Body("<html>".to_owned()));
                Ok(())
            }),
        ],
        |issuer| bearer(good(issuer)),
    ),
    keys(
        "a token is not judged while no keys could be loaded",
        "RFC 9110 §15.6.4",
        (Must, Unavailable),
        &[Step::First(unavailable)],
        |issuer| bearer(good(issuer)),
    ),
];

/// Whoever fetches keys when they are first needed has them now.
const LOADED: Step = Step::Send(|issuer| bearer(good(issuer)));

const fn keys(
    name: &'static str,
    source: &'static str,
    (level, expected): (Level, Expected),
    steps: &'static [Step],
    make: Make,
) -> Case {
    Case {
        name,
        group: Keys,
        level,
        source,
        expected,
        steps,
        make,
    }
}
