//! Tokens of sessions: the claims `sid` and `sgn`.

use std::sync::Arc;

use countersign::directory::DenySet;
use countersign::rejection::Reason;
use countersign::time::Timestamp;
use countersign::token::TrustedIssuer;
use countersign_tests::{AUDIENCE, Harness, NOW, OWN_ISSUER, TokenBuilder, harness, keys};

const SESSION: &str = "013xrzp12g3nqk8nh0qrc2b1jfanmvb9";

fn session_token() -> TokenBuilder {
    TokenBuilder::own()
        .claim("sid", format!("\"{SESSION}\""))
        .claim("sgn", "1")
}

#[test]
fn token_of_a_session_is_accepted_and_its_principal_names_the_session() {
    let observed = harness::PUBLIC_KEYS.send(session_token().token());
    let principal = observed.accepted_principal();
    assert_eq!(principal.session(), Some(&SESSION.parse().unwrap()));
    let observed = harness::PUBLIC_KEYS.send(TokenBuilder::own().token());
    let principal = observed.accepted_principal();
    assert_eq!(principal.session(), None);
}

#[test]
fn token_of_a_session_is_rejected_after_the_session_has_ended() {
    let denied = DenySet::default();
    denied.deny_below(
        SESSION.parse().unwrap(),
        2,
        Timestamp::from_unix_seconds(NOW + 600),
    );
    let own = TrustedIssuer::own(OWN_ISSUER)
        .audience(AUDIENCE)
        .keys(keys::key_set(keys::public_keys()))
        .directory(Arc::new(denied));
    let harness = Harness::with_issuers(Timestamp::from_unix_seconds(NOW), [own.build().unwrap()]);
    harness
        .send(TokenBuilder::own().token())
        .accepted("without a session");
    harness
        .send(session_token().token())
        .rejected_because(Reason::Superseded);
    harness
        .send(session_token().claim("sgn", "2").token())
        .accepted("of the next generation");
}

#[test]
fn token_is_rejected_when_its_session_claims_are_incomplete_or_invalid() {
    for builder in [
        session_token().without_claim("sgn"),
        session_token().without_claim("sid"),
        session_token().claim("sid", "\"mine\""),
        session_token().claim("sid", "1"),
        session_token().claim("sgn", "\"1\""),
        session_token().claim("sgn", "-1"),
        session_token().claim("sgn", "4294967296"),
    ] {
        harness::PUBLIC_KEYS
            .send(builder.token())
            .rejected_because(Reason::ClaimsMalformed);
    }
}
