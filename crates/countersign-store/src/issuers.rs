//! Issuers: their names and URLs. What they sign with is in `signing_keys`.

use countersign::Id;
use countersign::directory::Issuers;
use sqlx::sqlite::SqliteConnection;

use crate::audit::AuditEntry;
use crate::error::StoreError;
use crate::record::read_id;
use crate::store::Store;
use crate::writing::Writing;

/// The actor of what nobody asked for.
const ITSELF: &str = "store";

impl Store {
    /// The names of all issuers, oldest first.
    ///
    /// # Errors
    ///
    /// That the database cannot be read.
    pub async fn issuers(&self) -> Result<Vec<String>, StoreError> {
        let query = sqlx::query_scalar("SELECT name FROM issuers ORDER BY rowid");
        Ok(query.fetch_all(&mut *self.0.reader().await?).await?)
    }

    /// Makes the issuer of this name if there is none. It has no URL and no key yet.
    ///
    /// # Errors
    ///
    /// [`StoreError::IssuerName`], or that the database cannot be written.
    pub async fn ensure_issuer(&self, name: &str) -> Result<(), StoreError> {
        Issuers::named([name]).map_err(StoreError::IssuerName)?;
        let mut connection = self.0.writer().await?;
        let mut writing = Writing::begin(&mut connection, self.0.now()).await?;
        let id = self.0.new_id(writing.now, &self.0.ground.account)?;
        let made = sqlx::query(
            "INSERT INTO issuers (id, name, created_at) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING",
        )
        .bind(id.as_bytes().as_slice())
        .bind(name)
        .bind(writing.now.unix_millis())
        .execute(writing.connection())
        .await?;
        if made.rows_affected() == 0 {
            return Ok(());
        }
        let mut told = AuditEntry::new(ITSELF, "issuer.create").with("name", name);
        told.entity = Some(id);
        writing.commit(&self.0, Some(told)).await
    }

    /// The URL of issuer `name`; `None` while none was stored.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownIssuer`], or that the database cannot be read.
    pub async fn issuer_url(&self, name: &str) -> Result<Option<String>, StoreError> {
        let mut connection = self.0.reader().await?;
        stored_url(&mut connection, name).await
    }

    /// Stores the URL of issuer `name` if it has none, and returns the one that it has. It is stored
    /// once: tokens that were minted under it would stop being accepted if it changed.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownIssuer`], or that the database cannot be written.
    pub async fn set_issuer_url(&self, name: &str, url: &str) -> Result<String, StoreError> {
        let mut connection = self.0.writer().await?;
        let mut writing = Writing::begin(&mut connection, self.0.now()).await?;
        if let Some(stored) = stored_url(writing.connection(), name).await? {
            return Ok(stored);
        }
        let issuer = issuer_id(writing.connection(), name).await?;
        sqlx::query("UPDATE issuers SET url = ? WHERE id = ?")
            .bind(url)
            .bind(issuer.as_bytes().as_slice())
            .execute(writing.connection())
            .await?;
        let mut told = AuditEntry::new(ITSELF, "issuer.url").with("url", url);
        told.entity = Some(issuer);
        writing.commit(&self.0, Some(told)).await?;
        Ok(url.to_owned())
    }
}

pub(crate) async fn issuer_id(
    connection: &mut SqliteConnection,
    name: &str,
) -> Result<Id, StoreError> {
    let id: Option<Vec<u8>> = sqlx::query_scalar("SELECT id FROM issuers WHERE name = ?")
        .bind(name)
        .fetch_optional(connection)
        .await?;
    read_id(&id.ok_or_else(|| unknown(name))?)
}

async fn stored_url(
    connection: &mut SqliteConnection,
    name: &str,
) -> Result<Option<String>, StoreError> {
    sqlx::query_scalar("SELECT url FROM issuers WHERE name = ?")
        .bind(name)
        .fetch_optional(connection)
        .await?
        .ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> StoreError {
    StoreError::UnknownIssuer {
        name: name.to_owned(),
    }
}
