//! Rotation of the pepper and of the master key.

use countersign::registry::Caller;
use countersign::{BoxFuture, Secret};

use crate::audit::AuditRecord;
use crate::error::StoreError;
use crate::records::ChangedEntity;
use crate::secrets::parse;
use crate::sql;
use crate::state::key_check;
use crate::store::Store;

impl Store {
    /// Creates a new pepper, which new digests use from now on, and returns its version.
    ///
    /// An existing digest is replaced when its key is used, because a digest can only be computed from the secret. Until
    /// then the older pepper stays in the database.
    ///
    /// # Errors
    ///
    /// [`StoreError::MasterKeyRotated`] if this process has an older master key, or that the database cannot be read or
    /// written.
    pub fn rotate_pepper<'a>(
        &'a self,
        caller: &'a Caller,
    ) -> BoxFuture<'a, Result<u32, StoreError>> {
        Box::pin(async move {
            let state = &self.0.state;
            let mut transaction = self.0.begin().await?;
            let now = transaction.now;
            let connection = transaction.connection();
            let newest = sql::secrets::newest_pepper(connection).await?;
            let version = sql::secrets::next_pepper(connection).await?;
            let sealer = state.sealer(connection).await?;
            let random = &*state.random;
            sql::secrets::insert_pepper(connection, version, (&sealer, random), now).await?;
            // The newest one stays until the next rotation: processes that have not seen the new one still use it.
            let deleted = sql::secrets::delete_unused_peppers(connection, newest).await?;
            let entry = AuditRecord::by(caller, "pepper.rotate").with("version", version);
            transaction
                .append_audit(entry.with("forgotten", deleted))
                .await?;
            transaction.changed(ChangedEntity::Peppers);
            transaction.commit().await?;
            Ok(version)
        })
    }

    /// Stores the key with which another system computed HMAC-SHA256 over its API keys, so that they can be
    /// [imported](countersign::key::ImportedKey::from_hmac). Returns the version of the pepper that it becomes. The digest
    /// of an imported key is replaced when the key is used, and the pepper is deleted by a rotation after the last one was.
    ///
    /// # Errors
    ///
    /// [`StoreError::MasterKeyRotated`] if this process has an older master key, or that the database cannot be read or
    /// written.
    pub fn import_pepper<'a>(
        &'a self,
        caller: &'a Caller,
        secret: &'a Secret,
    ) -> BoxFuture<'a, Result<u32, StoreError>> {
        Box::pin(async move {
            let state = &self.0.state;
            let mut transaction = self.0.begin().await?;
            let now = transaction.now;
            let connection = transaction.connection();
            let sealer = state.sealer(connection).await?;
            let seal = (&*sealer, &*state.random);
            let imported = sql::secrets::import_pepper(connection, secret, seal, now).await?;
            if let (version, true) = imported {
                let entry = AuditRecord::by(caller, "pepper.import").with("version", version);
                transaction.append_audit(entry).await?;
                transaction.changed(ChangedEntity::Peppers);
                transaction.commit().await?;
            }
            Ok(imported.0)
        })
    }

    /// Creates a new master key, encrypts all secrets with it, and replaces the file of the present one. Other processes
    /// read the file again when they need to.
    ///
    /// # Caveats
    ///
    /// Older backups cannot be decrypted with the new key: take a new one afterwards. The secrets themselves stay the same:
    /// if an attacker has the old key and a copy of the database, rotate the pepper and the signing keys too.
    ///
    /// # Errors
    ///
    /// [`StoreError::MasterKeyIsText`] if the key is not in a file, [`StoreError::File`] if the file cannot be replaced,
    /// [`StoreError::Unseal`] if a secret cannot be decrypted, or that the database cannot be read or written.
    pub fn rotate_master_key<'a>(
        &'a self,
        caller: &'a Caller,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let master_key = &self.0.state.master_key;
            if !master_key.is_file() {
                return Err(StoreError::MasterKeyIsText);
            }
            let new = master_key.generate()?;
            self.rotate_master_key_to(caller, &new).await
        })
    }

    /// Does the same with a master key that the caller has created: 32 random bytes in base64.
    ///
    /// If the present key was given as text, the caller must give the new one to every process from now on. Processes with
    /// the old one fail with [`StoreError::MasterKeyRotated`] as soon as they need it, and their views become stale.
    ///
    /// # Errors
    ///
    /// As [`rotate_master_key`](Self::rotate_master_key), and [`StoreError::MasterKeyMalformed`].
    pub fn rotate_master_key_to<'a>(
        &'a self,
        caller: &'a Caller,
        new: &'a Secret,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let state = &self.0.state;
            let sealer = parse(new.expose().as_bytes())?;
            let mut transaction = self.0.begin().await?;
            let connection = transaction.connection();
            // An interrupted rotation must be finished before its key is overwritten.
            let old = state.sealer(connection).await?;
            let sealed = sql::audit::sealed_key(connection).await?;
            state.master_key.finish_rotation(&key_check(&sealed))?;
            state.master_key.write_next(new)?;
            sql::secrets::reseal(connection, &old, &sealer, &*state.random).await?;
            let entry = AuditRecord::by(caller, "master_key.rotate");
            transaction.append_audit(entry).await?;
            let committed = transaction.commit().await;

            // Whatever the result of the commit, the database shows which key it is encrypted with.
            let mut transaction = self.0.begin().await?;
            let sealed = sql::audit::sealed_key(transaction.connection()).await?;
            let check = key_check(&sealed);
            state.master_key.finish_rotation(&check)?;
            if check(&sealer) {
                state.use_sealer(sealer);
            }
            committed
        })
    }
}
