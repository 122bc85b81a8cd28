//! Credentials and accounts as the database keeps them.

use countersign::directory::{
    CredentialKind, EnvironmentKind, Issuers, Networks, Status, StoredSecret, UserName,
};
use countersign::key::{KeyDigest, KeyDigests, SecretDigest};
use countersign::registry::backend::{Placement, StoredCredential};
use countersign::registry::{Account, Record};
use countersign::time::Timestamp;
use countersign::{Id, Scopes};
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::error::StoreError;

/// The statement that reads credentials, with the end that says which.
macro_rules! select_credentials {
    ($which:literal) => {
        concat!(
            "SELECT id, kind, name, account_id, environment_id, generation, status, reason, scopes, \
             allow_from, created_at, updated_at, expires_at, last_used_at, pepper_version, digest, \
             previous_digest, previous_until, password_hash, issuers, created_by, \
             (SELECT kind FROM environments WHERE id = environment_id) AS environment_kind \
             FROM credentials ",
            $which
        )
    };
}
pub(crate) use select_credentials;

/// The statement that reads accounts, with the end that says which.
macro_rules! select_accounts {
    ($which:literal) => {
        concat!(
            "SELECT id, name, status, generation, created_at FROM accounts ",
            $which
        )
    };
}
pub(crate) use select_accounts;

pub(crate) fn read_credential(row: &SqliteRow) -> Result<StoredCredential, StoreError> {
    let kind = read_kind(row.try_get("kind")?)?;
    let secret = match kind {
        CredentialKind::Key => StoredSecret::Key(read_proof(row)?),
        CredentialKind::Token => StoredSecret::Signature,
        _ => StoredSecret::Password(row.try_get::<&str, _>("password_hash")?.into()),
    };
    let environment: Option<&[u8]> = row.try_get("environment_id")?;
    let created_by: Option<&[u8]> = row.try_get("created_by")?;
    let mut placement = Placement::account(read_id(row.try_get("account_id")?)?);
    placement.environment = environment.map(read_id).transpose()?;
    placement.environment_kind = read_environment_kind(row.try_get("environment_kind")?)?;
    let mut record = Record::new(
        read_id(row.try_get("id")?)?,
        kind,
        placement,
        read_scopes(row.try_get("scopes")?)?,
        moment(row.try_get("created_at")?),
    );
    record.name = row.try_get("name")?;
    record.status = read_status(row.try_get("status")?)?;
    record.reason = row.try_get("reason")?;
    record.allow_from = read_networks(row.try_get("allow_from")?)?;
    record.issuers = read_issuers(row.try_get("issuers")?)?;
    record.created_by = created_by.map(read_id).transpose()?;
    record.generation = row.try_get("generation")?;
    record.updated_at = moment(row.try_get("updated_at")?);
    record.expires_at = read_moment(row, "expires_at")?;
    record.grace_until = read_moment(row, "previous_until")?;
    record.last_used_at = read_moment(row, "last_used_at")?;
    Ok(StoredCredential::new(record, secret))
}

/// The credential of that id, if there is one.
pub(crate) async fn find_credential(
    connection: &mut SqliteConnection,
    id: &Id,
) -> Result<Option<StoredCredential>, StoreError> {
    let row = sqlx::query(select_credentials!("WHERE id = ?"))
        .bind(id.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(read_credential).transpose()
}

pub(crate) fn read_account(row: &SqliteRow) -> Result<Account, StoreError> {
    let mut account = Account::new(
        read_id(row.try_get("id")?)?,
        row.try_get("name")?,
        moment(row.try_get("created_at")?),
    );
    account.status = read_status(row.try_get("status")?)?;
    account.generation = row.try_get("generation")?;
    Ok(account)
}

/// The account of that id, if there is one.
pub(crate) async fn find_account(
    connection: &mut SqliteConnection,
    id: &Id,
) -> Result<Option<Account>, StoreError> {
    let row = sqlx::query(select_accounts!("WHERE id = ?"))
        .bind(id.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(read_account).transpose()
}

fn read_proof(row: &SqliteRow) -> Result<KeyDigests, StoreError> {
    let digest = KeyDigest {
        pepper: row.try_get("pepper_version")?,
        digest: read_digest(row.try_get("digest")?)?,
    };
    let previous: Option<&[u8]> = row.try_get("previous_digest")?;
    let previous = previous.map(read_digest).transpose()?;
    let until = read_moment(row, "previous_until")?;
    Ok(KeyDigests::new(digest, previous.zip(until)))
}

fn read_kind(text: &str) -> Result<CredentialKind, StoreError> {
    match text {
        "key" => Ok(CredentialKind::Key),
        "user" => Ok(CredentialKind::User),
        "token" => Ok(CredentialKind::Token),
        _ => corrupt("a credential's kind"),
    }
}

fn read_status(text: &str) -> Result<Status, StoreError> {
    match text {
        "active" => Ok(Status::Active),
        "suspended" => Ok(Status::Suspended),
        "revoked" => Ok(Status::Revoked),
        _ => corrupt("a status"),
    }
}

pub(crate) fn read_id(bytes: &[u8]) -> Result<Id, StoreError> {
    let bytes = bytes.try_into();
    bytes
        .map(Id::from_bytes)
        .or_else(|_| corrupt("the length of an id"))
}

fn read_digest(bytes: &[u8]) -> Result<SecretDigest, StoreError> {
    let bytes = bytes.try_into();
    bytes
        .map(SecretDigest::from_bytes)
        .or_else(|_| corrupt("the length of a digest"))
}

pub(crate) fn read_scopes(text: &str) -> Result<Scopes, StoreError> {
    text.parse().or_else(|_| corrupt("a credential's scopes"))
}

fn read_networks(text: &str) -> Result<Networks, StoreError> {
    text.parse().or_else(|_| corrupt("a credential's networks"))
}

fn read_issuers(text: &str) -> Result<Issuers, StoreError> {
    text.parse().or_else(|_| corrupt("a credential's issuers"))
}

/// What an environment is for; without one, production.
pub(crate) fn read_environment_kind(text: Option<&str>) -> Result<EnvironmentKind, StoreError> {
    match text {
        Some("sandbox") => Ok(EnvironmentKind::Sandbox),
        Some("production") | None => Ok(EnvironmentKind::Production),
        Some(_) => corrupt("an environment's kind"),
    }
}

pub(crate) fn read_user_name(text: &str) -> Result<UserName, StoreError> {
    text.parse().or_else(|_| corrupt("a user's name"))
}

pub(crate) fn read_moment(row: &SqliteRow, column: &str) -> Result<Option<Timestamp>, StoreError> {
    let millis: Option<i64> = row.try_get(column)?;
    Ok(millis.map(moment))
}

pub(crate) const fn moment(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(millis)
}

pub(crate) const fn corrupt<T>(what: &'static str) -> Result<T, StoreError> {
    Err(StoreError::Corrupt { what })
}
