//! Principals that do not meet a requirement.

use countersign::require::{claim, issuer, predicate, scope};
use tracing::Level;

use crate::support::Fixture;

#[test]
fn unmet_requirement_is_logged_with_its_reason_the_scope_and_the_caller() {
    let fixture = Fixture::new();
    let token = || fixture.issuer.token().subject("ada").scope("other");
    for (requirement, reason, found) in [
        (scope("calls.read"), "scope_missing", "`calls.read`"),
        (claim("groups").contains("ops"), "claim_missing", "`ops`"),
        (
            issuer("https://b.example"),
            "issuer_required",
            "https://b.example",
        ),
        (predicate("confirmed", |_| false), "confirmed", "not met"),
    ] {
        let lines = fixture.lines(Level::DEBUG, [token()], Some(requirement));
        let [line] = &lines[..] else {
            unreachable!("{reason}: {lines:?}");
        };
        assert!(line.starts_with("DEBUG"), "{line}");
        for text in [reason, found, "the caller is ada"] {
            assert!(line.contains(text), "{reason}: {line}");
        }
        assert!(fixture.lines(Level::DEBUG, [token()], None).is_empty());
    }
}

#[test]
fn pattern_of_an_opaque_scope_is_warned_of_once_a_minute() {
    let fixture = Fixture::new();
    let tokens = std::iter::repeat_n(fixture.issuer.token().scope("calls:*"), 100);
    let lines = fixture.lines(Level::DEBUG, tokens, Some(scope("calls:read")));
    assert_eq!(lines.len(), 100);
    let warnings: Vec<_> = lines.iter().filter(|line| line.contains("WARN")).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    for text in ["scope_missing", "`calls:read`", "scope_patterns()"] {
        assert!(warnings[0].contains(text), "{warnings:?}");
    }
}
