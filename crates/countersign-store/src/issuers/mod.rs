//! Issuers, and the keys that they sign with.

mod signing_keys;

use countersign::BoxFuture;
use countersign::directory::Issuers;

use crate::audit::AuditRecord;
use crate::error::StoreError;
use crate::sql;
use crate::store::Store;

pub(crate) use signing_keys::create_key;

impl Store {
    /// Returns the names of all issuers, oldest first.
    ///
    /// # Errors
    ///
    /// Returns an error if the database cannot be read.
    pub fn issuers(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        Box::pin(async move {
            let mut names = sql::issuers::names(&mut self.0.database.reader().await?).await?;
            names.retain(|name| name != Self::FEED);
            Ok(names)
        })
    }

    /// Creates the issuer of this name if it does not exist, without a URL and a signing key.
    ///
    /// # Errors
    ///
    /// [`StoreError::InvalidIssuerName`], or that the database cannot be written.
    pub fn ensure_issuer<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            Issuers::named([name]).map_err(StoreError::InvalidIssuerName)?;
            self.insert_issuer(name).await
        })
    }

    /// Creates the issuer of this name if it does not exist.
    pub(crate) async fn insert_issuer(&self, name: &str) -> Result<(), StoreError> {
        let names = sql::issuers::names(&mut self.0.database.reader().await?).await?;
        if names.iter().any(|issuer| issuer == name) {
            return Ok(());
        }
        let mut transaction = self.0.begin().await?;
        let id = transaction.new_id(&self.0.state.account)?;
        let now = transaction.now;
        if !sql::issuers::insert(transaction.connection(), &id, name, now).await? {
            return Ok(());
        }
        let entry = AuditRecord::by_store("issuer.create").about(None, id);
        transaction.append_audit(entry.with("name", name)).await?;
        transaction.commit().await
    }

    /// Returns the URL of issuer `name`; `None` if none was stored yet.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownIssuer`], or that the database cannot be read.
    pub fn issuer_url<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        Box::pin(async move {
            let mut connection = self.0.database.reader().await?;
            let (_, url) = sql::issuers::find(&mut connection, name).await?;
            Ok(url)
        })
    }

    /// Stores the URL of issuer `name` if it has none, and returns the URL that it has. It is stored once: verifiers would
    /// reject existing tokens if it changed.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownIssuer`], or that the database cannot be written.
    pub fn set_issuer_url<'a>(
        &'a self,
        name: &'a str,
        url: &'a str,
    ) -> BoxFuture<'a, Result<String, StoreError>> {
        Box::pin(async move {
            if let Some(stored) = self.issuer_url(name).await? {
                return Ok(stored);
            }
            let mut transaction = self.0.begin().await?;
            let (id, stored) = sql::issuers::find(transaction.connection(), name).await?;
            if let Some(stored) = stored {
                return Ok(stored);
            }
            sql::issuers::set_url(transaction.connection(), &id, url).await?;
            let entry = AuditRecord::by_store("issuer.url").about(None, id);
            transaction.append_audit(entry.with("url", url)).await?;
            transaction.commit().await?;
            Ok(url.to_owned())
        })
    }
}
