use std::time::Duration;

use countersign::jose::{Algorithm, SigningKey, SigningKeys};
use countersign::registry::Caller;
use countersign::time::Timestamp;
use countersign::{BoxFuture, Id};

use crate::audit::AuditRecord;
use crate::error::StoreError;
use crate::records::{
    ChangedEntity, KeyState, SigningKeyRecord, StoredSigningKey, signing_key_context,
};
use crate::sql::{self, Connection};
use crate::store::{Inner, Store};
use crate::transaction::Transaction;

impl Store {
    /// Returns the signing keys of issuer `name`, which follow those in the database from then on. If none is active, a key
    /// is created, for `algorithm` or else EdDSA.
    ///
    /// # Errors
    ///
    /// [`StoreError::AlgorithmMismatch`] if the active key is not for `algorithm`, [`StoreError::Unseal`] if a key cannot
    /// be decrypted, [`StoreError::UnknownIssuer`], or that the database cannot be read or written.
    pub fn signing_keys<'a>(
        &'a self,
        name: &'a str,
        algorithm: Option<Algorithm>,
    ) -> BoxFuture<'a, Result<SigningKeys, StoreError>> {
        Box::pin(async move {
            let inner = &self.0;
            let now = inner.state.clock.now();
            let (_, keys) = keys_of(&mut inner.database.reader().await?, name, now).await?;
            let active = find(&keys, KeyState::Active);
            match (active.map(|key| key.record.algorithm), algorithm) {
                (Some(stored), Some(wanted)) if stored != wanted => {
                    return Err(StoreError::AlgorithmMismatch {
                        issuer: name.to_owned(),
                        stored,
                        wanted,
                    });
                }
                (Some(_), _) if !keys.iter().any(|key| key.is_ahead_of(now)) => {}
                _ => {
                    // In a transaction, so that no other process creates a key too.
                    let mut transaction = inner.begin().await?;
                    let (issuer, keys) = correct_keys(&mut transaction, name).await?;
                    if find(&keys, KeyState::Active).is_none() {
                        let algorithm = algorithm.unwrap_or(Algorithm::EdDsa);
                        activate_next(&mut transaction, &issuer, keys, algorithm).await?;
                    }
                    transaction.commit().await?;
                }
            }
            // The follower waits, so that it reads again what changes after this.
            let _follower = inner.follower.lock().await;
            let mut connection = inner.database.reader().await?;
            inner.state.signing_keys(&mut connection, name, now).await
        })
    }

    /// Returns all signing keys of issuer `name`, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownIssuer`], or that the database cannot be read.
    pub fn list_signing_keys<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Vec<SigningKeyRecord>, StoreError>> {
        Box::pin(async move {
            let mut connection = self.0.database.reader().await?;
            let (_, keys) = keys_of(&mut connection, name, self.0.state.clock.now()).await?;
            Ok(keys.into_iter().map(|key| key.record).collect())
        })
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
    pub fn rotate_signing_key<'a>(
        &'a self,
        caller: &'a Caller,
        name: &'a str,
        algorithm: Option<Algorithm>,
        lead: Duration,
    ) -> BoxFuture<'a, Result<SigningKeyRecord, StoreError>> {
        Box::pin(async move {
            let (mut transaction, _) = self.0.begin_for(caller).await?;
            let now = transaction.now;
            let (issuer, keys) = correct_keys(&mut transaction, name).await?;
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
        })
    }

    /// Calls [`rotate_signing_key`](Self::rotate_signing_key) if a rotation is due: if no key is pending, and the active key
    /// will have signed for `every` when a key that is created now begins to sign. Call it regularly.
    ///
    /// # Errors
    ///
    /// As [`rotate_signing_key`](Self::rotate_signing_key), without [`StoreError::RotationPending`].
    pub fn rotate_signing_key_when_due<'a>(
        &'a self,
        caller: &'a Caller,
        name: &'a str,
        every: Duration,
        lead: Duration,
    ) -> BoxFuture<'a, Result<Option<SigningKeyRecord>, StoreError>> {
        Box::pin(async move {
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
        })
    }

    /// Revokes a signing key in an emergency: all tokens that it signed are rejected. If it was active, the pending key
    /// begins to sign now, or else a new key.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownSigningKey`], [`StoreError::UnknownIssuer`], [`StoreError::CallerRevoked`], or that the database
    /// cannot be read or written.
    pub fn revoke_signing_key<'a>(
        &'a self,
        caller: &'a Caller,
        name: &'a str,
        kid: &'a str,
    ) -> BoxFuture<'a, Result<SigningKeyRecord, StoreError>> {
        Box::pin(async move {
            let (mut transaction, _) = self.0.begin_revocation(caller).await?;
            let now = transaction.now;
            let (issuer, mut keys) = correct_keys(&mut transaction, name).await?;
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
                let algorithm = key.record.algorithm;
                let successor = activate_next(&mut transaction, &issuer, keys, algorithm).await?;
                entry = entry.with("successor", successor.record.kid);
            }
            transaction.append_audit(entry).await?;
            transaction.commit().await?;
            Ok(key.record)
        })
    }
}

/// Returns the id of an issuer, and its keys, newest first.
async fn keys_of(
    connection: &mut Connection,
    issuer: &str,
    now: Timestamp,
) -> Result<(Id, Vec<StoredSigningKey>), StoreError> {
    let (id, _) = sql::issuers::find(connection, issuer).await?;
    let keys = sql::signing_keys::list(connection, &id, now).await?;
    Ok((id, keys))
}

fn find(keys: &[StoredSigningKey], state: KeyState) -> Option<&StoredSigningKey> {
    keys.iter().find(|key| key.record.state == state)
}

/// Returns the id of an issuer, and its keys, newest first, after it has corrected dates in the future: if the clock was
/// ahead when keys were created, they would not sign until then, and no other key could be created.
async fn correct_keys(
    transaction: &mut Transaction<'_>,
    issuer: &str,
) -> Result<(Id, Vec<StoredSigningKey>), StoreError> {
    let now = transaction.now;
    let (id, mut keys) = keys_of(transaction.connection(), issuer, now).await?;
    keys.retain(|key| key.is_ahead_of(now));
    if let Some(newest) = keys.iter().map(|key| key.record.created_at).max() {
        let ahead = newest.unix_millis() - now.unix_millis();
        for key in &mut keys {
            key.set_back(ahead);
            save(transaction, &id, key).await?;
        }
        let entry = AuditRecord::by_store("signing_key.correct_dates").about(None, id);
        let entry = entry.with("milliseconds", ahead);
        transaction.append_audit(entry).await?;
    }
    keys_of(transaction.connection(), issuer, now).await
}

/// Lets the pending key of an issuer sign from now on, or else a new one. Returns it.
async fn activate_next(
    transaction: &mut Transaction<'_>,
    issuer: &Id,
    keys: Vec<StoredSigningKey>,
    algorithm: Algorithm,
) -> Result<StoredSigningKey, StoreError> {
    let now = transaction.now;
    let mut keys = keys.into_iter();
    match keys.find(|key| key.record.state == KeyState::Pending) {
        Some(mut pending) => {
            pending.record.activates_at = now;
            save(transaction, issuer, &pending).await?;
            Ok(pending)
        }
        // Creating an RSA key takes a moment, once.
        None => create_key(transaction, issuer, algorithm, now).await,
    }
}

impl Inner {
    /// Corrects the dates of signing keys, and deletes the private parts of those whose tokens had all expired `before`.
    pub(crate) async fn maintain_signing_keys(&self, before: Timestamp) -> Result<(), StoreError> {
        let mut reader = self.database.reader().await?;
        let uptime = sql::expired::safe_uptime(&mut reader).await?;
        let now = self.state.clock.now();
        for name in sql::issuers::names(&mut reader).await? {
            let (_, keys) = keys_of(&mut reader, &name, before).await?;
            if !keys
                .iter()
                .any(|key| key.is_over(uptime) || key.is_ahead_of(now))
            {
                continue;
            }
            let mut transaction = self.begin().await?;
            correct_keys(&mut transaction, &name).await?;
            let (id, keys) = keys_of(transaction.connection(), &name, before).await?;
            for mut key in keys.into_iter().filter(|key| key.is_over(uptime)) {
                key.sealed = None;
                save(&mut transaction, &id, &key).await?;
            }
            transaction.commit().await?;
        }
        Ok(())
    }
}

async fn save(
    transaction: &mut Transaction<'_>,
    issuer: &Id,
    key: &StoredSigningKey,
) -> Result<(), StoreError> {
    sql::signing_keys::save(transaction.connection(), issuer, key).await?;
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
    let keys = sql::signing_keys::list(connection, issuer, now).await?;
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
        created_uptime: 0,
        until_uptime: None,
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
