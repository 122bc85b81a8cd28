//! The keys that issuers sign with, one after another.
//!
//! A key's state follows from its dates alone, so that every process sees the same at the same moment:
//!
//! | state | from | to |
//! |---|---|---|
//! | pending | its creation: it is published, and does not sign | `activates_at` |
//! | active | `activates_at`: it signs | the next key's `activates_at` |
//! | retiring | then: it verifies what it signed | the longest lifetime later |
//! | removed | then: its private part is destroyed | |
//! | revoked | `signing-key revoke`: nothing that it signed is accepted | |

mod stored;

use std::time::Duration;

use countersign::Id;
use countersign::jose::{Algorithm, SigningKey, SigningKeys};
use countersign::registry::Caller;
use countersign::time::Timestamp;

use crate::error::StoreError;
use crate::issuers::issuer_id;
use crate::record::moment;
use crate::store::{Inner, Store};
use crate::writing::{Entity, Writing, entry};

use stored::StoredKey;
pub use stored::{KeyState, SigningKeyRecord};
pub(crate) use stored::{key_place, name_keys, read_keys};

impl Store {
    /// The keys that issuer `name` signs with, kept as the database has them from now on. One is made, for
    /// `algorithm` or else EdDSA, if none is there that signs.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherAlgorithm`] when the one that signs is not for `algorithm`,
    /// [`StoreError::Unseal`] when one does not open, [`StoreError::UnknownIssuer`], or that the
    /// database cannot be read or written.
    pub async fn signing_keys(
        &self,
        name: &str,
        algorithm: Option<Algorithm>,
    ) -> Result<SigningKeys, StoreError> {
        let mut connection = self.0.writer().await?;
        // No other process can make one meanwhile. Making an RSA key takes a moment, once.
        let mut writing = Writing::begin(&mut connection, self.0.now()).await?;
        let issuer = issuer_id(writing.connection(), name).await?;
        let now = writing.now;
        let keys = read_keys(writing.connection(), now).await?;
        let mut keys = keys.into_iter().filter(|key| key.issuer == name);
        match (keys.find(|key| key.state == KeyState::Active), algorithm) {
            (Some(active), Some(wanted)) if active.algorithm != wanted => {
                return Err(StoreError::OtherAlgorithm {
                    issuer: name.to_owned(),
                    stored: active.algorithm,
                    wanted,
                });
            }
            (Some(_), _) => {}
            (None, wanted) => {
                let wanted = wanted.unwrap_or(Algorithm::EdDsa);
                self.0.make_key(&mut writing, &issuer, wanted, now).await?;
            }
        }
        let ring = self.0.ground.ring(writing.connection(), name, now).await?;
        writing.commit(&self.0, None).await?;
        Ok(ring)
    }

    /// All signing keys of issuer `name`, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownIssuer`], or that the database cannot be read.
    pub async fn list_signing_keys(&self, name: &str) -> Result<Vec<SigningKeyRecord>, StoreError> {
        let mut connection = self.0.reader().await?;
        issuer_id(&mut connection, name).await?;
        let keys = read_keys(&mut connection, self.0.now()).await?;
        let keys = keys.into_iter().filter(|key| key.issuer == name);
        Ok(keys.map(StoredKey::describe).collect())
    }

    /// Makes issuer `name` a key that is published now and signs in `lead`'s time. The one that signs until
    /// then goes on verifying what it signed.
    ///
    /// Verifiers elsewhere keep an issuer's keys for a while: a `lead` shorter than that has them refuse
    /// good tokens.
    ///
    /// # Errors
    ///
    /// [`StoreError::RotationPending`] while there is a key already that does not sign yet,
    /// [`StoreError::UnknownIssuer`], [`StoreError::MixedAlgorithms`] from HMAC to key pairs or back, or that
    /// the database cannot be read or written.
    pub async fn rotate_signing_key(
        &self,
        caller: &Caller,
        name: &str,
        algorithm: Option<Algorithm>,
        lead: Duration,
    ) -> Result<SigningKeyRecord, StoreError> {
        let mut connection = self.0.writer().await?;
        let mut writing = Writing::begin_for(&mut connection, self.0.now(), caller).await?;
        let issuer = issuer_id(writing.connection(), name).await?;
        let now = writing.now;
        let keys = read_keys(writing.connection(), now).await?;
        let of_issuer = |key: &&StoredKey| key.issuer == name;
        if keys
            .iter()
            .filter(of_issuer)
            .any(|key| key.state == KeyState::Pending)
        {
            return Err(StoreError::RotationPending);
        }
        let living = |key: &&StoredKey| matches!(key.state, KeyState::Active | KeyState::Retiring);
        let mut living = keys.iter().filter(of_issuer).filter(living);
        let active = living.clone().find(|key| key.state == KeyState::Active);
        let wanted = algorithm.or(active.map(|key| key.algorithm));
        let wanted = wanted.unwrap_or(Algorithm::EdDsa);
        if living.any(|key| key.algorithm.is_hmac() != wanted.is_hmac()) {
            return Err(StoreError::MixedAlgorithms);
        }
        let from = now.plus(lead);
        let (id, kid) = self.0.make_key(&mut writing, &issuer, wanted, from).await?;
        let mut told = entry(caller, "signing_key.rotate").with("kid", kid);
        told = told.with("algorithm", wanted.as_str());
        told.entity = Some(id);
        writing.commit(&self.0, Some(told)).await?;
        self.described(name, id).await
    }

    /// Rotates as [`rotate_signing_key`](Self::rotate_signing_key) does if it is due: the one that signs will have
    /// signed for `every` when a key that is published now begins, and none is pending. Call it now and then.
    ///
    /// # Errors
    ///
    /// As for [`rotate_signing_key`](Self::rotate_signing_key).
    pub async fn rotate_signing_key_when_due(
        &self,
        caller: &Caller,
        name: &str,
        every: Duration,
        lead: Duration,
    ) -> Result<Option<SigningKeyRecord>, StoreError> {
        let keys = self.list_signing_keys(name).await?;
        let begins = self.0.now().plus(lead);
        let fresh = |key: &SigningKeyRecord| match key.state {
            KeyState::Pending => true,
            KeyState::Active => key.activates_at.plus(every) > begins,
            _ => false,
        };
        if keys.iter().any(fresh) {
            return Ok(None);
        }
        match self.rotate_signing_key(caller, name, None, lead).await {
            Ok(made) => Ok(Some(made)),
            // Another process was faster.
            Err(StoreError::RotationPending) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Revokes a signing key in an emergency: nothing that it signed is accepted any more. If no other signs,
    /// the next one does now, and one is made if there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownSigningKey`], [`StoreError::UnknownIssuer`], or that the database cannot be read
    /// or written.
    pub async fn revoke_signing_key(
        &self,
        caller: &Caller,
        name: &str,
        kid: &str,
    ) -> Result<SigningKeyRecord, StoreError> {
        let mut connection = self.0.writer().await?;
        let mut writing = Writing::begin_for(&mut connection, self.0.now(), caller).await?;
        let issuer = issuer_id(writing.connection(), name).await?;
        let now = writing.now;
        let keys = read_keys(writing.connection(), now).await?;
        let keys: Vec<_> = keys.into_iter().filter(|key| key.issuer == name).collect();
        let mut named = keys.iter().filter(|key| key.kid.as_deref() == Some(kid));
        let revoked = named.next().ok_or(StoreError::UnknownSigningKey)?;
        let id = revoked.id;
        if revoked.state != KeyState::Revoked {
            // Its private part is of no use to anybody but a thief.
            sqlx::query("UPDATE signing_keys SET revoked_at = ?, sealed = NULL WHERE id = ?")
                .bind(now.unix_millis())
                .bind(id.as_bytes().as_slice())
                .execute(writing.connection())
                .await?;
            writing.changed(Entity::SigningKey(id));
            let mut told = entry(caller, "signing_key.revoke").with("kid", kid);
            told.entity = Some(id);
            if revoked.state == KeyState::Active {
                let wanted = revoked.algorithm;
                let successor = self.0.succeed(&mut writing, &issuer, &keys, wanted).await?;
                told = told.with("successor", successor);
            }
            writing.commit(&self.0, Some(told)).await?;
        }
        self.described(name, id).await
    }

    async fn described(&self, name: &str, id: Id) -> Result<SigningKeyRecord, StoreError> {
        let mut connection = self.0.reader().await?;
        let keys = read_keys(&mut connection, self.0.now()).await?;
        let mut keys = keys.into_iter().filter(|key| key.issuer == name);
        let found = keys.find(|key| key.id == id);
        found
            .map(StoredKey::describe)
            .ok_or(StoreError::UnknownSigningKey)
    }
}

impl Inner {
    /// The next key signs now, after the one that signed was revoked: one that is pending, else a new one;
    /// its key id.
    async fn succeed(
        &self,
        writing: &mut Writing<'_>,
        issuer: &Id,
        keys: &[StoredKey],
        wanted: Algorithm,
    ) -> Result<String, StoreError> {
        let now = writing.now;
        let Some(pending) = keys.iter().find(|key| key.state == KeyState::Pending) else {
            let (_, kid) = self.make_key(writing, issuer, wanted, now).await?;
            return Ok(kid);
        };
        sqlx::query("UPDATE signing_keys SET activates_at = ? WHERE id = ?")
            .bind(now.unix_millis())
            .bind(pending.id.as_bytes().as_slice())
            .execute(writing.connection())
            .await?;
        writing.changed(Entity::SigningKey(pending.id));
        Ok(pending.kid.clone().unwrap_or_default())
    }

    pub(crate) async fn make_key(
        &self,
        writing: &mut Writing<'_>,
        issuer: &Id,
        algorithm: Algorithm,
        activates_at: Timestamp,
    ) -> Result<(Id, String), StoreError> {
        let (now, random) = (writing.now, &*self.options.random);
        // Two that begin at one moment would not know which of them signs.
        let taken: Option<i64> = sqlx::query_scalar(
            "SELECT max(activates_at) FROM signing_keys WHERE issuer_id = ? AND revoked_at IS NULL",
        )
        .bind(issuer.as_bytes().as_slice())
        .fetch_one(writing.connection())
        .await?;
        let free = taken.map_or(activates_at, |taken| moment(taken.saturating_add(1)));
        let activates_at = activates_at.max(free);
        let id = Id::new(now, &self.ground.account, random)?;
        let key = SigningKey::generate(algorithm, random)?;
        let secret = key.to_secret_bytes()?;
        let sealer = self.ground.sealer(writing.connection()).await?;
        let sealed = sealer.seal(key_place(&id), &secret, random)?;
        sqlx::query(
            "INSERT INTO signing_keys (id, issuer_id, algorithm, kid, sealed, created_at, activates_at)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(id.as_bytes().as_slice())
        .bind(issuer.as_bytes().as_slice())
        .bind(algorithm.as_str())
        .bind(key.id())
        .bind(sealed)
        .bind(now.unix_millis())
        .bind(activates_at.unix_millis())
        .execute(writing.connection())
        .await?;
        writing.changed(Entity::SigningKey(id));
        Ok((id, key.id().to_owned()))
    }
}
