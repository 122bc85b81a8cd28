//! Managed tokens (`typ` `api-token+jwt`): judged by their record, and by nothing that they say of themselves.

use std::sync::Arc;
use std::time::Duration;

use countersign::Id;
use countersign::directory::{Credential, Directory, MemoryDirectory, Status, StoredSecret};
use countersign::key::{Pepper, Peppers};
use countersign::rejection::Reason;
use countersign::time::Timestamp;
use countersign::token::TrustedIssuer;
use countersign_tests::{AUDIENCE, Craft, Gate, NOW, OURS, SUBJECT, craft, gate, keys};

const DAY: i64 = 24 * 3600;
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

fn id() -> Id {
    SUBJECT.parse().unwrap()
}

fn record() -> Credential {
    let scopes = "of:the:record".parse().unwrap();
    Credential::new(id(), id(), scopes, StoredSecret::Signature)
}

/// The record with one property changed.
fn record_with(change: impl FnOnce(&mut Credential)) -> Credential {
    let mut record = record();
    change(&mut record);
    record
}

/// A token that lives for 90 days.
fn managed() -> Craft {
    Craft::own()
        .header("typ", r#""api-token+jwt""#)
        .claim("jti", format!("\"{SUBJECT}\""))
        .claim("exp", (NOW + 90 * DAY).to_string())
        .no_claim("cgn")
}

fn holding(records: impl IntoIterator<Item = Credential>) -> Arc<MemoryDirectory> {
    let directory = MemoryDirectory::default();
    for record in records {
        directory.put(record);
    }
    Arc::new(directory)
}

fn gate_over(directory: Arc<dyn Directory>, longest: Option<Duration>) -> Gate {
    let ours = TrustedIssuer::own(OURS)
        .audience(AUDIENCE)
        .keys(keys::key_set(keys::public_keys()))
        .directory(directory);
    let ours = match longest {
        Some(longest) => ours.managed_tokens(longest),
        None => ours,
    };
    Gate::of(Timestamp::from_unix_seconds(NOW), [ours.build().unwrap()])
}

#[test]
fn managed_token_accepted_with_the_scopes_of_its_record() {
    let gate = gate_over(holding([record()]), Some(YEAR));
    let verdict = gate.send(managed().token());
    let principal = verdict.someone();
    assert_eq!(principal.scopes().as_str(), "of:the:record");
    assert_eq!(principal.credential_id(), Some(&id()));
    assert!(principal.primary().is_none(), "a token mints no token");
}

#[test]
fn managed_token_refused_by_a_verifier_without_records_or_that_does_not_take_them() {
    let token = managed().token();
    gate::PUBLIC.send(&token).refused_as(Reason::TypeRefused);
    let gate = gate_over(holding([record()]), None);
    gate.send(&token).refused_as(Reason::TypeRefused);
}

#[test]
fn managed_token_refused_unless_its_record_is_there_active_and_a_managed_tokens() {
    let token = managed().token();
    let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
    let a_key = StoredSecret::Key(peppers.digests(&id(), "secret"));
    let a_user = StoredSecret::Password("$argon2id$".into());
    let past = Timestamp::from_unix_seconds(NOW);
    for (records, reason) in [
        (vec![], Reason::CredentialUnknown),
        (
            vec![record_with(|record| record.status = Status::Suspended)],
            Reason::CredentialSuspended,
        ),
        (
            vec![record_with(|record| record.status = Status::Revoked)],
            Reason::CredentialRevoked,
        ),
        (
            vec![record_with(|record| record.expires_at = Some(past))],
            Reason::CredentialExpired,
        ),
        (
            vec![record_with(|record| record.account_generation = 2)],
            Reason::Superseded,
        ),
        (
            vec![record_with(|record| record.secret = a_key)],
            Reason::CredentialUnknown,
        ),
        (
            vec![record_with(|record| record.secret = a_user)],
            Reason::CredentialUnknown,
        ),
    ] {
        gate_over(holding(records), Some(YEAR))
            .send(&token)
            .refused_as(reason);
    }
}

#[test]
fn managed_token_refused_when_its_account_is_revoked() {
    let directory = holding([record()]);
    directory.put_account(id(), 2, Status::Revoked);
    gate_over(directory, Some(YEAR))
        .send(managed().token())
        .refused_as(Reason::Superseded);
}

#[test]
fn managed_token_refused_when_it_is_not_its_own_subject_client_and_id() {
    let gate = gate_over(holding([record()]), Some(YEAR));
    gate.send(managed().token()).accepted("control");
    let other = "\"013xrzp12g3nqk8ngskn1wtxgka5b0ng\"";
    for claim in ["jti", "client_id", "sub"] {
        for craft in [managed().claim(claim, other), managed().no_claim(claim)] {
            gate.send(craft.token()).refused_as(Reason::ClaimsMalformed);
        }
    }
    gate.send(managed().no_claim("agn").token())
        .refused_as(Reason::ClaimsMalformed);
}

#[test]
fn one_kind_of_token_never_passes_for_the_other() {
    // RFC 8725 §3.11, §3.12
    let gate = gate_over(holding([record()]), Some(YEAR));
    let long_access = managed().header("typ", r#""at+jwt""#).claim("cgn", "1");
    gate.send(long_access.token())
        .refused_as(Reason::LifetimeTooLong);
    let access = Craft::own().header("typ", r#""api-token+jwt""#);
    gate.send(access.token())
        .refused_as(Reason::ClaimsMalformed);
    for typ in ["api-token", "api+jwt", "JWT", "api-token+jwt2"] {
        let craft = managed().header("typ", format!("\"{typ}\""));
        gate.send(craft.token()).refused_as(Reason::TypeRefused);
    }
}

#[test]
fn managed_token_refused_when_it_lives_longer_than_that_kind_may() {
    let gate = gate_over(
        holding([record()]),
        Some(Duration::from_secs(90 * 24 * 3600)),
    );
    gate.send(managed().token()).accepted("control");
    let longer = managed().claim("exp", (NOW + 90 * DAY + 1).to_string());
    gate.send(longer.token())
        .refused_as(Reason::LifetimeTooLong);
}

#[test]
fn managed_token_refused_when_its_signature_is_wrong_before_its_record_is_looked_at() {
    let gate = gate_over(holding([]), Some(YEAR));
    let forged = craft::with_signature(&managed().token(), [7; 64]);
    gate.send(forged).forged("no record");
}
