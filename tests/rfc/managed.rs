//! Managed tokens (`typ` is `api-token+jwt`): their stored record decides, not their claims.

use std::sync::Arc;
use std::time::Duration;

use countersign::Id;
use countersign::directory::{Credential, Directory, MemoryDirectory, Status};
use countersign::key::{Pepper, Peppers};
use countersign::registry::backend::StoredSecret;
use countersign::rejection::Reason;
use countersign::time::Timestamp;
use countersign::token::TrustedIssuer;
use countersign_tests::{
    AUDIENCE, Harness, NOW, OWN_ISSUER, SUBJECT, TokenBuilder, harness, keys, token_builder,
};

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

/// A managed token with a lifetime of 90 days.
fn managed() -> TokenBuilder {
    TokenBuilder::own()
        .header("typ", r#""api-token+jwt""#)
        .claim("jti", format!("\"{SUBJECT}\""))
        .claim("exp", (NOW + 90 * DAY).to_string())
        .without_claim("cgn")
}

fn directory_with(records: impl IntoIterator<Item = Credential>) -> Arc<MemoryDirectory> {
    let directory = MemoryDirectory::default();
    for record in records {
        directory.put(record);
    }
    Arc::new(directory)
}

fn harness_over(directory: Arc<dyn Directory>, longest: Option<Duration>) -> Harness {
    let own = TrustedIssuer::own(OWN_ISSUER)
        .audience(AUDIENCE)
        .keys(keys::key_set(keys::public_keys()))
        .directory(directory);
    let own = match longest {
        Some(longest) => own.managed_tokens(longest),
        None => own,
    };
    Harness::with_issuers(Timestamp::from_unix_seconds(NOW), [own.build().unwrap()])
}

#[test]
fn managed_token_is_accepted_with_the_scopes_of_its_record() {
    let harness = harness_over(directory_with([record()]), Some(YEAR));
    let observed = harness.send(managed().token());
    let principal = observed.accepted_principal();
    assert_eq!(principal.scopes().as_str(), "of:the:record");
    assert_eq!(principal.credential_id(), Some(&id()));
    assert!(principal.primary().is_none(), "a token cannot mint a token");
}

#[test]
fn managed_token_is_rejected_by_a_verifier_that_has_no_records_or_does_not_accept_managed_tokens() {
    let token = managed().token();
    harness::PUBLIC_KEYS
        .send(&token)
        .rejected_because(Reason::TypeRejected);
    let harness = harness_over(directory_with([record()]), None);
    harness.send(&token).rejected_because(Reason::TypeRejected);
}

#[test]
fn managed_token_is_rejected_unless_an_active_record_of_a_managed_token_exists() {
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
        harness_over(directory_with(records), Some(YEAR))
            .send(&token)
            .rejected_because(reason);
    }
}

#[test]
fn managed_token_is_rejected_when_its_account_is_revoked() {
    let directory = directory_with([record()]);
    directory.put_account(id(), 2, Status::Revoked);
    harness_over(directory, Some(YEAR))
        .send(managed().token())
        .rejected_because(Reason::Superseded);
}

#[test]
fn managed_token_is_rejected_when_sub_client_id_and_jti_differ() {
    let harness = harness_over(directory_with([record()]), Some(YEAR));
    harness.send(managed().token()).accepted("control");
    let other = "\"013xrzp12g3nqk8ngskn1wtxgka5b0ng\"";
    for claim in ["jti", "client_id", "sub"] {
        for builder in [
            managed().claim(claim, other),
            managed().without_claim(claim),
        ] {
            harness
                .send(builder.token())
                .rejected_because(Reason::ClaimsMalformed);
        }
    }
    harness
        .send(managed().without_claim("agn").token())
        .rejected_because(Reason::ClaimsMalformed);
}

#[test]
fn access_token_and_managed_token_are_not_interchangeable() {
    // RFC 8725 §3.11, §3.12
    let harness = harness_over(directory_with([record()]), Some(YEAR));
    let long_access = managed().header("typ", r#""at+jwt""#).claim("cgn", "1");
    harness
        .send(long_access.token())
        .rejected_because(Reason::LifetimeTooLong);
    let access = TokenBuilder::own().header("typ", r#""api-token+jwt""#);
    harness
        .send(access.token())
        .rejected_because(Reason::ClaimsMalformed);
    for typ in ["api-token", "api+jwt", "JWT", "api-token+jwt2"] {
        let builder = managed().header("typ", format!("\"{typ}\""));
        harness
            .send(builder.token())
            .rejected_because(Reason::TypeRejected);
    }
}

#[test]
fn managed_token_is_rejected_when_its_lifetime_exceeds_the_limit() {
    let harness = harness_over(
        directory_with([record()]),
        Some(Duration::from_secs(90 * 24 * 3600)),
    );
    harness.send(managed().token()).accepted("control");
    let longer = managed().claim("exp", (NOW + 90 * DAY + 1).to_string());
    harness
        .send(longer.token())
        .rejected_because(Reason::LifetimeTooLong);
}

#[test]
fn managed_token_with_an_invalid_signature_is_rejected_before_its_record_is_looked_up() {
    let harness = harness_over(directory_with([]), Some(YEAR));
    let forged = token_builder::with_signature(&managed().token(), [7; 64]);
    harness.send(forged).rejected_forged("no record");
}
