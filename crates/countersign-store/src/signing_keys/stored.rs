//! Signing keys as the database keeps them: each row, and the state that its issuer's rows give it.

use countersign::Id;
use countersign::jose::{Algorithm, SigningKey, SigningKeys};
use countersign::time::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::denials;
use crate::error::StoreError;
use crate::ground::Ground;
use crate::record::{corrupt, moment, read_id, read_moment};
use crate::seal::{Place, Sealer};

/// What is known of a signing key, for people.
#[derive(Clone, Debug)]
pub struct SigningKeyRecord {
    /// Its key id, `kid`.
    pub kid: String,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// What it does now.
    pub state: KeyState,
    /// When it was made, and published.
    pub created_at: Timestamp,
    /// When it begins to sign.
    pub activates_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// What a signing key does at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyState {
    /// It is published, and does not sign yet.
    Pending,
    /// It signs.
    Active,
    /// It signs no more, and what it signed is accepted until it expires.
    Retiring,
    /// All that it signed has expired.
    Removed,
    /// Nothing that it signed is accepted.
    Revoked,
}

impl KeyState {
    /// Its name: `pending`, `active`, `retiring`, `removed`, `revoked`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Removed => "removed",
            Self::Revoked => "revoked",
        }
    }
}

/// One row, and what the rows of its issuer make of it.
pub(crate) struct StoredKey {
    pub(crate) id: Id,
    pub(super) issuer: String,
    pub(super) kid: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(crate) sealed: Option<Vec<u8>>,
    pub(super) created_at: Timestamp,
    pub(super) activates_at: Timestamp,
    pub(super) revoked_at: Option<Timestamp>,
    pub(crate) state: KeyState,
}

impl Ground {
    /// The ring of issuer `name`, which is kept as the database has it from now on.
    pub(super) async fn ring(
        &self,
        connection: &mut SqliteConnection,
        name: &str,
        now: Timestamp,
    ) -> Result<SigningKeys, StoreError> {
        let sealer = self.sealer(connection).await?;
        let keys = living(read_keys(connection, now).await?, name, &sealer)?;
        let mut rings = self.rings();
        if let Some(ring) = rings.get(name) {
            ring.replace(keys)?;
            return Ok(ring.clone());
        }
        let ring = SigningKeys::new(keys)?;
        rings.insert(name.to_owned(), ring.clone());
        Ok(ring)
    }

    /// Brings every ring that was asked for to what the database has.
    pub(crate) async fn reload_signing_keys(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<(), StoreError> {
        let names: Vec<String> = self.rings().keys().cloned().collect();
        for name in names {
            self.ring(connection, &name, self.clock.now()).await?;
        }
        Ok(())
    }
}

/// The keys of an issuer that sign, will sign, or have signed what may still be accepted.
fn living(
    keys: Vec<StoredKey>,
    name: &str,
    sealer: &Sealer,
) -> Result<Vec<(SigningKey, Timestamp)>, StoreError> {
    let lives = |key: &StoredKey| {
        let ended = matches!(key.state, KeyState::Removed | KeyState::Revoked);
        key.issuer == name && key.sealed.is_some() && !ended
    };
    let living = keys.into_iter().filter(lives);
    living
        .map(|key| Ok((key.open(sealer)?, key.activates_at)))
        .collect()
}

impl StoredKey {
    fn open(&self, sealer: &Sealer) -> Result<SigningKey, StoreError> {
        let sealed = self.sealed.as_deref().unwrap_or_default();
        let secret = sealer
            .open(key_place(&self.id), sealed)
            .map_err(|_| StoreError::Unseal {
                what: "the signing key",
            })?;
        let opened = SigningKey::from_secret_bytes(self.algorithm, &secret);
        opened.or_else(|_| corrupt("a signing key"))
    }

    pub(super) fn describe(self) -> SigningKeyRecord {
        SigningKeyRecord {
            kid: self.kid.unwrap_or_default(),
            algorithm: self.algorithm,
            state: self.state,
            created_at: self.created_at,
            activates_at: self.activates_at,
            revoked_at: self.revoked_at,
        }
    }
}

/// Keeps the key ids of keys that were made before ids were kept.
pub(crate) async fn name_keys(
    connection: &mut SqliteConnection,
    sealer: &Sealer,
) -> Result<(), StoreError> {
    for key in read_keys(connection, Timestamp::from_unix_millis(0)).await? {
        if key.kid.is_none() && key.sealed.is_some() {
            sqlx::query("UPDATE signing_keys SET kid = ? WHERE id = ?")
                .bind(key.open(sealer)?.id())
                .bind(key.id.as_bytes().as_slice())
                .execute(&mut *connection)
                .await?;
        }
    }
    Ok(())
}

/// All signing keys, each issuer's newest first, with their states at `now`.
pub(crate) async fn read_keys(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<Vec<StoredKey>, StoreError> {
    let rows = sqlx::query(
        "SELECT k.id, i.name AS issuer, k.kid, k.algorithm, k.sealed, k.created_at, k.activates_at, k.revoked_at
         FROM signing_keys k JOIN issuers i ON i.id = k.issuer_id
         ORDER BY i.name, k.activates_at DESC, k.id DESC",
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut keys = rows.iter().map(read_key).collect::<Result<Vec<_>, _>>()?;
    let longest = denials::longest_signed(connection).await?;
    let mut issuer = String::new();
    let mut superseded: Option<Timestamp> = None;
    for key in &mut keys {
        if key.issuer != issuer {
            issuer.clone_from(&key.issuer);
            superseded = None;
        }
        key.state = match superseded {
            _ if key.revoked_at.is_some() => KeyState::Revoked,
            _ if key.activates_at > now => KeyState::Pending,
            None => KeyState::Active,
            Some(at) if now.unix_millis() - at.unix_millis() <= longest => KeyState::Retiring,
            Some(_) => KeyState::Removed,
        };
        if matches!(key.state, KeyState::Active | KeyState::Retiring) {
            superseded = Some(key.activates_at);
        }
    }
    Ok(keys)
}

fn read_key(row: &SqliteRow) -> Result<StoredKey, StoreError> {
    let algorithm: &str = row.try_get("algorithm")?;
    Ok(StoredKey {
        id: read_id(row.try_get("id")?)?,
        issuer: row.try_get("issuer")?,
        kid: row.try_get("kid")?,
        algorithm: algorithm
            .parse()
            .or_else(|_| corrupt("a signing key's algorithm"))?,
        sealed: row.try_get("sealed")?,
        created_at: moment(row.try_get("created_at")?),
        activates_at: moment(row.try_get("activates_at")?),
        revoked_at: read_moment(row, "revoked_at")?,
        state: KeyState::Pending,
    })
}

pub(crate) fn key_place(id: &Id) -> Place<'_> {
    Place {
        table: "signing_keys",
        row: id.as_bytes(),
        column: "sealed",
    }
}
