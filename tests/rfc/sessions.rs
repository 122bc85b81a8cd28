//! Tokens of sessions: `sid` and `sgn`.

use std::sync::Arc;

use countersign::directory::DenySet;
use countersign::rejection::Reason;
use countersign::time::Timestamp;
use countersign::token::TrustedIssuer;
use countersign_tests::{AUDIENCE, Craft, Gate, NOW, OURS, gate, keys};

const SESSION: &str = "013xrzp12g3nqk8nh0qrc2b1jfanmvb9";

fn of_session() -> Craft {
    Craft::own()
        .claim("sid", format!("\"{SESSION}\""))
        .claim("sgn", "1")
}

#[test]
fn token_of_a_session_accepted_and_its_principal_names_the_session() {
    let verdict = gate::PUBLIC.send(of_session().token());
    let principal = verdict.someone();
    assert_eq!(principal.session(), Some(&SESSION.parse().unwrap()));
    let verdict = gate::PUBLIC.send(Craft::own().token());
    let principal = verdict.someone();
    assert_eq!(principal.session(), None);
}

#[test]
fn token_of_a_session_rejected_once_the_session_has_ended() {
    let denied = DenySet::default();
    denied.deny_below(
        SESSION.parse().unwrap(),
        2,
        Timestamp::from_unix_seconds(NOW + 600),
    );
    let ours = TrustedIssuer::own(OURS)
        .audience(AUDIENCE)
        .keys(keys::key_set(keys::public_keys()))
        .directory(Arc::new(denied));
    let gate = Gate::of(Timestamp::from_unix_seconds(NOW), [ours.build().unwrap()]);
    gate.send(Craft::own().token()).accepted("of no session");
    gate.send(of_session().token())
        .refused_as(Reason::Superseded);
    gate.send(of_session().claim("sgn", "2").token())
        .accepted("of its next generation");
}

#[test]
fn token_rejected_when_it_names_half_a_session() {
    for craft in [
        of_session().no_claim("sgn"),
        of_session().no_claim("sid"),
        of_session().claim("sid", "\"mine\""),
        of_session().claim("sid", "1"),
        of_session().claim("sgn", "\"1\""),
        of_session().claim("sgn", "-1"),
        of_session().claim("sgn", "4294967296"),
    ] {
        gate::PUBLIC
            .send(craft.token())
            .refused_as(Reason::ClaimsMalformed);
    }
}
