use std::time::Duration;

use countersign::Id;
use countersign::jose::{Algorithm, SigningKey, SigningKeys};
use countersign::registry::Caller;
use countersign::time::Timestamp;

use crate::audit::AuditRecord;
use crate::error::StoreError;
use crate::records::{
    ChangedEntity, KeyState, SigningKeyRecord, StoredSigningKey, signing_key_context,
};
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
        let (mut transaction, _) = self.0.begin_for(caller).await?;
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
        let created = create_key(&mut transaction, &issuer, wanted, now.plus(lead)).await?;
        let entry = AuditRecord::by(caller, "signing_key.rotate")
            .about(None, created.id)
            .with("kid", &*created.record.kid)
            .with("algorithm", wanted.as_str());
        transaction.append_audit(entry).await?;
        transaction.commit().await?;
        Ok(created.record)
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
        let (mut transaction, _) = self.0.begin_for(caller).await?;
        let now = transaction.now;
        let (issuer, mut keys) = keys_of(transaction.connection(), name, now).await?;
        let found = keys.iter().position(|key| key.record.kid == kid);
        let mut key = keys.swap_remove(found.ok_or(StoreError::UnknownSigningKey)?);
        if key.record.state == KeyState::Revoked {
            return Ok(key.record);
        }
        let mut entry = AuditRecord::by(caller, "signing_key.revoke")
            .about(None, key.id)
            .with("kid", kid);
        let was_active = key.record.state == KeyState::Active;
        key.revoke(now);
        save(&mut transaction, &issuer, &key).await?;
        if was_active {
            let pending = keys
                .into_iter()
                .find(|key| key.record.state == KeyState::Pending);
            let successor = match pending {
                Some(mut pending) => {
                    pending.record.activates_at = now;
                    save(&mut transaction, &issuer, &pending).await?;
                    pending
                }
                None => create_key(&mut transaction, &issuer, key.record.algorithm, now).await?,
            };
            entry = entry.with("successor", successor.record.kid);
        }
        transaction.append_audit(entry).await?;
        transaction.commit().await?;
        Ok(key.record)
    }
}

/// Returns the id of an issuer, and its keys, newest first.
async fn keys_of(
    connection: &mut Connection,
    issuer: &str,
    now: Timestamp,
) -> Result<(Id, Vec<StoredSigningKey>), StoreError> {
    let (id, _) = sqlite::issuers::find(connection, issuer).await?;
    let keys = sqlite::signing_keys::list(connection, &id, now).await?;
    Ok((id, keys))
}

fn find(keys: &[StoredSigningKey], state: KeyState) -> Option<&StoredSigningKey> {
    keys.iter().find(|key| key.record.state == state)
}

async fn save(
    transaction: &mut Transaction<'_>,
    issuer: &Id,
    key: &StoredSigningKey,
) -> Result<(), StoreError> {
    sqlite::signing_keys::save(transaction.connection(), issuer, key).await?;
    transaction.changed(ChangedEntity::SigningKey(key.id));
    Ok(())
}

/// Creates a key for an issuer.
pub(crate) async fn create_key(
    transaction: &mut Transaction<'_>,
    issuer: &Id,
    algorithm: Algorithm,
    activates_at: Timestamp,
) -> Result<StoredSigningKey, StoreError> {
    let (state, now) = (transaction.state(), transaction.now);
    let id = transaction.new_id(&state.account)?;
    let connection = transaction.connection();
    // Of two keys with the same activation, it would be undefined which one signs.
    let keys = sqlite::signing_keys::list(connection, issuer, now).await?;
    let others = keys.iter().filter(|key| key.record.revoked_at.is_none());
    let last = others.map(|key| key.record.activates_at).max();
    let free = last.map(|last| last.plus(Duration::from_millis(1)));
    let activates_at = activates_at.max(free.unwrap_or(activates_at));
    let key = SigningKey::generate(algorithm, &*state.random)?;
    let secret = key.to_secret_bytes()?;
    let sealer = state.sealer(connection).await?;
    let sealed = sealer.seal(&signing_key_context(&id), &secret, &*state.random)?;
    let created = StoredSigningKey {
        id,
        sealed: Some(sealed),
        record: SigningKeyRecord {
            kid: key.id().to_owned(),
            algorithm,
            state: match activates_at > now {
                true => KeyState::Pending,
                false => KeyState::Active,
            },
            created_at: now,
            activates_at,
            revoked_at: None,
        },
    };
    save(transaction, issuer, &created).await?;
    Ok(created)
}
