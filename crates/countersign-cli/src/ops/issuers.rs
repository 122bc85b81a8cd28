use countersign::directory::Issuers;
use countersign_store::{Store, StoreError};

use super::{Operations, OpsError};
use crate::config::Config;

/// Returns the names of all issuers: the configured ones, and others that the store has keys of.
///
/// # Errors
///
/// Returns an error if the store cannot be read.
pub async fn issuer_names(config: &Config, store: &Store) -> Result<Vec<String>, StoreError> {
    let configured = config.issuers.iter().map(|issuer| issuer.name.to_string());
    let mut names: Vec<_> = configured.collect();
    for stored in store.issuers().await? {
        if !names.contains(&stored) {
            names.push(stored);
        }
    }
    Ok(names)
}

impl Operations {
    /// Returns the issuers of a new credential. Without names, all: the store reduces them to those that the caller may
    /// use.
    pub(super) async fn issuers_of_new(&self, names: &[String]) -> Result<Issuers, OpsError> {
        if names.is_empty() {
            return Ok(Issuers::all());
        }
        let known = issuer_names(&self.config, &self.store).await?;
        if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
            return Err(OpsError::UnknownIssuer(unknown.clone()));
        }
        let issuers = Issuers::named(names.iter().map(String::as_str));
        Ok(issuers.map_err(StoreError::InvalidIssuerName)?)
    }

    /// Stores the configured issuer of this name, unless it is stored already.
    pub(super) async fn ensure_issuer(&self, name: &str) -> Result<(), OpsError> {
        // Reading first keeps a command that changes nothing from waiting for the writer.
        if self
            .store
            .issuers()
            .await?
            .iter()
            .any(|stored| stored == name)
        {
            return Ok(());
        }
        match self.config.issuer(name) {
            Some(_) => Ok(self.store.ensure_issuer(name).await?),
            None => Err(OpsError::IssuerNotFound(name.to_owned())),
        }
    }
}
