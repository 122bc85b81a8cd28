//! A credential as the database keeps it.

use countersign::directory::memory::MemoryDirectory;
use countersign::directory::{
    Credential, CredentialKind, Proof, Record, RegistryError, Status, UserName,
};
use countersign::key::{KeyDigest, SecretDigest};
use countersign::time::Timestamp;
use countersign::{Id, Scopes};
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::error::StoreError;

/// The statement that reads credentials, with the end that says which.
macro_rules! select_credentials {
    ($which:literal) => {
        concat!(
            "SELECT c.id, c.kind, c.name, c.account_id, a.generation AS account_generation, \
             c.environment_id, c.generation, c.status, c.scopes, c.created_at, c.expires_at, \
             c.pepper_version, c.digest, c.password_hash \
             FROM credentials c JOIN accounts a ON a.id = c.account_id ",
            $which
        )
    };
}
pub(crate) use select_credentials;

/// One row: what people may see, and what judges need.
pub(crate) struct Stored {
    pub(crate) record: Record,
    account_generation: u32,
    proof: Proof,
}

impl Stored {
    pub(crate) fn read(row: &SqliteRow) -> Result<Self, StoreError> {
        let kind = read_kind(row.try_get("kind")?)?;
        let proof = match kind {
            CredentialKind::Key => Proof::Key(KeyDigest {
                pepper: row.try_get("pepper_version")?,
                digest: read_digest(row.try_get("digest")?)?,
            }),
            _ => Proof::Password(row.try_get::<&str, _>("password_hash")?.into()),
        };
        let expires_at: Option<i64> = row.try_get("expires_at")?;
        let environment: Option<&[u8]> = row.try_get("environment_id")?;
        let record = Record {
            id: read_id(row.try_get("id")?)?,
            kind,
            name: row.try_get("name")?,
            account_id: read_id(row.try_get("account_id")?)?,
            environment_id: environment.map(read_id).transpose()?,
            status: read_status(row.try_get("status")?)?,
            scopes: read_scopes(row.try_get("scopes")?)?,
            generation: row.try_get("generation")?,
            created_at: Timestamp::from_unix_millis(row.try_get("created_at")?),
            expires_at: expires_at.map(Timestamp::from_unix_millis),
        };
        Ok(Self {
            record,
            account_generation: row.try_get("account_generation")?,
            proof,
        })
    }

    /// The one of that id.
    pub(crate) async fn find(
        connection: &mut SqliteConnection,
        id: &Id,
    ) -> Result<Self, RegistryError> {
        let row = sqlx::query(select_credentials!("WHERE c.id = ?"))
            .bind(id.as_bytes().as_slice())
            .fetch_optional(connection)
            .await
            .map_err(StoreError::from)?
            .ok_or(RegistryError::NotFound)?;
        Ok(Self::read(&row)?)
    }

    /// Puts it into the view's table, in the place of what was known of it.
    pub(crate) fn put_into(self, table: &MemoryDirectory) -> Result<(), StoreError> {
        let record = self.record;
        let credential = Credential {
            id: record.id,
            account: record.account_id,
            account_generation: self.account_generation,
            environment: record.environment_id,
            generation: record.generation,
            status: record.status,
            scopes: record.scopes,
            expires_at: record.expires_at,
            proof: self.proof,
        };
        match record.kind {
            CredentialKind::User => table.put_user(read_user_name(&record.name)?, credential),
            _ => table.put(credential),
        }
        Ok(())
    }
}

pub(crate) const fn kind_text(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::User => "user",
        _ => "key",
    }
}

fn read_kind(text: &str) -> Result<CredentialKind, StoreError> {
    match text {
        "key" => Ok(CredentialKind::Key),
        "user" => Ok(CredentialKind::User),
        _ => corrupt("a credential's kind"),
    }
}

fn read_status(text: &str) -> Result<Status, StoreError> {
    match text {
        "active" => Ok(Status::Active),
        "revoked" => Ok(Status::Revoked),
        _ => corrupt("a credential's status"),
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

fn read_scopes(text: &str) -> Result<Scopes, StoreError> {
    text.parse().or_else(|_| corrupt("a credential's scopes"))
}

fn read_user_name(text: &str) -> Result<UserName, StoreError> {
    text.parse().or_else(|_| corrupt("a user's name"))
}

const fn corrupt<T>(what: &'static str) -> Result<T, StoreError> {
    Err(StoreError::Corrupt { what })
}
