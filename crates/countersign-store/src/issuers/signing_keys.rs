use std::time::Duration;

use countersign::Id;
use countersign::jose::{Algorithm, SigningKey, SigningKeys};
use countersign::registry::Caller;
use countersign::time::Timestamp;

use crate::audit::AuditEntry;
use crate::error::StoreError;
use crate::records::{ChangedEntity, KeyState, SigningKeyRecord, StoredSigningKey};
use crate::sqlite::{self, Connection};
use crate::store::Store;
use crate::transaction::Transaction;

impl Store {
    /// Returns the signing keys of issuer `name`, which follow those in the database from then on. If none is active, a key
    /// is created, for `algorithm` or else EdDSA.
    ///
    /// # Errors
    ///
    /// [`StoreError::AlgorithmMismatch`] if the active key is not for `algorithm`, [`StoreError::Unseal`] if a key cannot
    /// be decrypted, [`StoreError::UnknownIssuer`], or that the database cannot be read or written.
    pub async fn signing_keys(
        &self,
        name: &str,
        algorithm: Option<Algorithm>,
    ) -> Result<SigningKeys, StoreError> {
        // In a transaction, so that no other process creates a key too. Creating an RSA key takes a moment, once.
        let mut transaction = self.0.begin().await?;
        let now = transaction.now;
        let (issuer, keys) = keys_of(transaction.connection(), name, now).await?;
        match (find(&keys, KeyState::Active), algorithm) {
            (Some(active), Some(wanted)) if active.record.algorithm != wanted => {
                return Err(StoreError::AlgorithmMismatch {
                    issuer: name.to_owned(),
                    stored: active.record.algorithm,
                    wanted,
                });
            }
            (Some(_), _) => {}
            (None, wanted) => {
                let wanted = wanted.unwrap_or(Algorithm::EdDsa);
                create_key(&mut transaction, &issuer, wanted, now).await?;
            }
        }
        let state = &self.0.state;
        let keys = state
            .signing_keys(transaction.connection(), name, now)
            .await?;
        transaction.commit().await?;
        Ok(keys)
    }

    /// Returns all signing keys of issuer `name`, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownIssuer`], or that the database cannot be read.
    pub async fn list_signing_keys(&self, name: &str) -> Result<Vec<SigningKeyRecord>, StoreError> {
        let mut connection = self.0.database.reader().await?;
        let (_, keys) = keys_of(&mut connection, name, self.0.state.clock.now()).await?;
        Ok(keys.into_iter().map(|key| key.record).collect())
    }

    /// Creates a signing key for issuer `name`, which is published now and begins to sign after `lead`. Tokens that the
    /// previous key signed are still accepted.
    ///
    /// Verifiers cache the keys of an issuer. If `lead` is shorter than they do, they reject valid tokens.
    ///
    /// # Errors
    ///
    /// [`StoreError::RotationPending`] if there is a key that does not sign yet, [`StoreError::MixedAlgorithms`] when
    /// changing between HMAC and key pairs, [`StoreError::UnknownIssuer`], [`StoreError::CallerRevoked`], or that the
    /// database cannot be read or written.
    pub async fn rotate_signing_key(
        &self,
        caller: &Caller,
        name: &str,
        algorithm: Option<Algorithm>,
        lead: Duration,
    ) -> Result<SigningKeyRecord, StoreError> {
        let mut transaction = self.0.begin_for(caller).await?;
        let now = transaction.now;
        let (issuer, keys) = keys_of(transaction.connection(), name, now).await?;
        if find(&keys, KeyState::Pending).is_some() {
            return Err(StoreError::RotationPending);
        }
        let active = find(&keys, KeyState::Active).map(|key| key.record.algorithm);
        let wanted = algorithm.or(active).unwrap_or(Algorithm::EdDsa);
        if keys.iter().any(|key| {
            let accepted = matches!(key.record.state, KeyState::Active | KeyState::Retiring);
            accepted && key.record.algorithm.is_hmac() != wanted.is_hmac()
        }) {
            return Err(StoreError::MixedAlgorithms);
        }
        let (id, kid) = create_key(&mut transaction, &issuer, wanted, now.plus(lead)).await?;
        let entry = AuditEntry::by(caller, "signing_key.rotate").about(None, id);
        let entry = entry.with("kid", kid).with("algorithm", wanted.as_str());
        transaction.append_audit(entry).await?;
        transaction.commit().await?;
        self.show_signing_key(name, &id).await
    }

    /// Calls [`rotate_signing_key`](Self::rotate_signing_key) if a rotation is due: if no key is pending, and the active key
    /// will have signed for `every` when a key that is created now begins to sign. Call it regularly.
    ///
    /// # Errors
    ///
    /// As [`rotate_signing_key`](Self::rotate_signing_key), without [`StoreError::RotationPending`].
    pub async fn rotate_signing_key_when_due(
        &self,
        caller: &Caller,
        name: &str,
        every: Duration,
        lead: Duration,
    ) -> Result<Option<SigningKeyRecord>, StoreError> {
        let keys = self.list_signing_keys(name).await?;
        let begins = self.0.state.clock.now().plus(lead);
        let is_recent = |key: &SigningKeyRecord| match key.state {
            KeyState::Pending => true,
            KeyState::Active => key.activates_at.plus(every) > begins,
            _ => false,
        };
        if keys.iter().any(is_recent) {
            return Ok(None);
        }
        match self.rotate_signing_key(caller, name, None, lead).await {
            Ok(created) => Ok(Some(created)),
            // Another process was faster.
            Err(StoreError::RotationPending) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Revokes a signing key in an emergency: all tokens that it signed are rejected. If it was active, the pending key
    /// begins to sign now, or else a new key.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownSigningKey`], [`StoreError::UnknownIssuer`], [`StoreError::CallerRevoked`], or that the database
    /// cannot be read or written.
    pub async fn revoke_signing_key(
        &self,
        caller: &Caller,
        name: &str,
        kid: &str,
    ) -> Result<SigningKeyRecord, StoreError> {
        let mut transaction = self.0.begin_for(caller).await?;
        let now = transaction.now;
        let (issuer, keys) = keys_of(transaction.connection(), name, now).await?;
        let key = keys.iter().find(|key| key.record.kid == kid);
        let StoredSigningKey { id, record, .. } = key.ok_or(StoreError::UnknownSigningKey)?;
        if record.state != KeyState::Revoked {
            sqlite::signing_keys::revoke(transaction.connection(), id, now).await?;
            transaction.changed(ChangedEntity::SigningKey(*id));
            let mut entry = AuditEntry::by(caller, "signing_key.revoke").about(None, *id);
            entry = entry.with("kid", kid);
            if record.state == KeyState::Active {
                let pending = find(&keys, KeyState::Pending);
                let successor = match pending {
                    Some(pending) => activate(&mut transaction, pending).await?,
                    None => {
                        create_key(&mut transaction, &issuer, record.algorithm, now)
                            .await?
                            .1
                    }
                };
                entry = entry.with("successor", successor);
            }
            transaction.append_audit(entry).await?;
            transaction.commit().await?;
        }
        self.show_signing_key(name, id).await
    }

    async fn show_signing_key(&self, name: &str, id: &Id) -> Result<SigningKeyRecord, StoreError> {
        let mut connection = self.0.database.reader().await?;
        let (_, keys) = keys_of(&mut connection, name, self.0.state.clock.now()).await?;
        let found = keys.into_iter().find(|key| key.id == *id);
        found
            .map(|key| key.record)
            .ok_or(StoreError::UnknownSigningKey)
    }
}

/// Returns the id of an issuer, and its keys, newest first.
async fn keys_of(
    connection: &mut Connection,
    issuer: &str,
    now: Timestamp,
) -> Result<(Id, Vec<StoredSigningKey>), StoreError> {
    let (id, _) = sqlite::issuers::find(connection, issuer).await?;
    let mut keys = sqlite::signing_keys::list(connection, now).await?;
    keys.retain(|key| key.issuer == issuer);
    Ok((id, keys))
}

fn find(keys: &[StoredSigningKey], state: KeyState) -> Option<&StoredSigningKey> {
    keys.iter().find(|key| key.record.state == state)
}

/// Lets a pending key sign from now on. Returns its key id.
async fn activate(
    transaction: &mut Transaction<'_>,
    pending: &StoredSigningKey,
) -> Result<String, StoreError> {
    let (id, now) = (&pending.id, transaction.now);
    sqlite::signing_keys::set_activation(transaction.connection(), id, now).await?;
    transaction.changed(ChangedEntity::SigningKey(*id));
    Ok(pending.record.kid.clone())
}

/// Creates a key for an issuer, and returns its id and its key id.
pub(crate) async fn create_key(
    transaction: &mut Transaction<'_>,
    issuer: &Id,
    algorithm: Algorithm,
    activates_at: Timestamp,
) -> Result<(Id, String), StoreError> {
    let (state, now) = (transaction.state(), transaction.now);
    let id = transaction.new_id(&state.account)?;
    let connection = transaction.connection();
    // Of two keys with the same activation, it would be undefined which one signs.
    let last = sqlite::signing_keys::last_activation(connection, issuer).await?;
    let free = last.map(|last| last.plus(Duration::from_millis(1)));
    let activates_at = free.map_or(activates_at, |free| free.max(activates_at));
    let key = SigningKey::generate(algorithm, &*state.random)?;
    let secret = key.to_secret_bytes()?;
    let sealer = state.sealer(connection).await?;
    let sealed = sealer.seal(
        StoredSigningKey::context(id.as_bytes()),
        &secret,
        &*state.random,
    )?;
    let (ids, key) = ((&id, issuer), (&key, &*sealed));
    sqlite::signing_keys::insert(connection, ids, key, now, activates_at).await?;
    transaction.changed(ChangedEntity::SigningKey(id));
    Ok((id, key.0.id().to_owned()))
}
