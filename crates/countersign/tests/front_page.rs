//! The table of outcomes in the README agrees with the code.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

use std::collections::BTreeSet;

use countersign::rejection::{Reason, RejectionKind};

/// The reasons of rejected tokens that the log also warns of. The tests in `log` show how.
const MAY_BE_MISCONFIGURED: [&Reason; 7] = [
    &Reason::IssuerUntrusted,
    &Reason::AudienceMismatch,
    &Reason::TokenExpired,
    &Reason::NotYetValid,
    &Reason::LifetimeTooLong,
    &Reason::KeyUnknown,
    &Reason::SignatureInvalid,
];

struct Row {
    status: u16,
    challenge: String,
    log: String,
    reasons: Vec<String>,
}

fn rows() -> Vec<Row> {
    let page = include_str!("../README.md");
    let section = page
        .split("## Outcomes")
        .nth(1)
        .unwrap()
        .split("\n## ")
        .next()
        .unwrap();
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let reasons = cells[4]
            .split('`')
            .map(str::trim)
            .filter(|cell| !cell.is_empty());
        Row {
            status: cells[1].parse().unwrap(),
            challenge: cells[2].to_owned(),
            log: cells[3].to_owned(),
            reasons: reasons.map(str::to_owned).collect(),
        }
    })
    .collect()
}

#[test]
fn every_reason_is_in_the_table_once_and_with_its_own_status() {
    let mut listed = BTreeSet::new();
    for row in rows() {
        for label in &row.reasons {
            let reason = Reason::ALL.iter().find(|reason| reason.label() == label);
            let reason = reason.unwrap_or_else(|| panic!("`{label}` is not a reason"));
            assert_eq!(reason.kind().status().as_u16(), row.status, "{label}");
            assert!(listed.insert(label.clone()), "{label} is listed twice");
        }
    }
    let all: BTreeSet<String> = Reason::ALL
        .iter()
        .map(|reason| reason.label().to_owned())
        .collect();
    assert_eq!(listed, all);
}

#[test]
fn challenge_and_log_level_in_the_table_are_those_of_the_kind() {
    for row in rows() {
        for label in &row.reasons {
            let reason = Reason::ALL
                .iter()
                .find(|reason| reason.label() == label)
                .unwrap();
            let (challenge, log) = match reason.kind() {
                RejectionKind::Missing => ("one for each mechanism", "debug"),
                RejectionKind::Malformed => ("error=\"invalid_request\"", "debug"),
                RejectionKind::Invalid if MAY_BE_MISCONFIGURED.contains(&reason) => {
                    let log = "debug; warn, once a minute, while no token is accepted";
                    ("error=\"invalid_token\"", log)
                }
                RejectionKind::Invalid if row.challenge.contains("invalid_token") => {
                    ("Bearer", "debug")
                }
                RejectionKind::Invalid => ("that of the mechanism", "debug"),
                RejectionKind::InsufficientScope if *reason == Reason::ScopeMissing => {
                    let log =
                        "debug; warn, once a minute, if `scope_patterns()` seems to be missing";
                    ("error=\"insufficient_scope\", scope=", log)
                }
                RejectionKind::InsufficientScope => ("error=\"insufficient_scope\"` for", "debug"),
                RejectionKind::Forbidden if *reason == Reason::ClaimsUnfit => {
                    ("none", "debug; warn, once a minute, if there is a token")
                }
                RejectionKind::Forbidden
                | RejectionKind::BodyTooLarge
                | RejectionKind::BodyIncomplete => ("none", "debug"),
                RejectionKind::TooManyRequests => {
                    ("`Retry-After`", "debug; warn once per address and period")
                }
                RejectionKind::Unavailable => ("`Retry-After`", "warn, once a minute"),
                RejectionKind::Misconfigured => ("none", "error, once"),
                other => panic!("{other:?} has no row"),
            };
            assert!(
                row.challenge.contains(challenge),
                "{label}: {}",
                row.challenge
            );
            assert_eq!(row.log, log, "{label}");
        }
    }
}
