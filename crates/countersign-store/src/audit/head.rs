//! The one row beside the log: the chain's key, sealed, and the chain's end.

use countersign::random::Random;
use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;
use zeroize::Zeroizing;

use super::chain::{AuditKey, End, MacBytes};
use crate::error::StoreError;
use crate::seal::{Place, Sealer};

const PLACE: Place<'_> = Place {
    table: "audit_head",
    row: &[1],
    column: "sealed",
};
const KEY: &str = "the key of the audit log";

/// What the database says of the chain's end. Not to be believed before it was compared.
pub(super) struct Head {
    number: i64,
    mac: MacBytes,
}

impl Head {
    /// Nothing when there is none that can be read: who looks for tampering has found it then.
    pub(super) async fn find(
        connection: &mut SqliteConnection,
    ) -> Result<Option<Self>, StoreError> {
        let row = sqlx::query("SELECT number, mac FROM audit_head WHERE one = 1")
            .fetch_optional(connection)
            .await?;
        Ok(row.and_then(|row| {
            Some(Self {
                number: row.try_get("number").ok()?,
                mac: row.try_get::<&[u8], _>("mac").ok()?.try_into().ok()?,
            })
        }))
    }

    pub(super) const fn number(&self) -> i64 {
        self.number
    }

    /// Whether it was made for the chain that ends there.
    pub(super) fn closes(&self, end: &End, key: &AuditKey) -> bool {
        self.number == end.number && key.of_head(end).is(&self.mac)
    }
}

/// Begins the chain, with a key of its own. Only in the transaction that makes the table: whoever emptied the log
/// later and removed its head would otherwise have it begun anew.
pub(crate) async fn begin(
    connection: &mut SqliteConnection,
    sealer: &Sealer,
    random: &dyn Random,
) -> Result<(), StoreError> {
    let mut secret = Zeroizing::new([0; AuditKey::LEN]);
    random.fill(secret.as_mut())?;
    let key = key(secret.as_ref())?;
    sqlx::query("INSERT INTO audit_head (one, sealed, number, mac) VALUES (1, ?, ?, ?)")
        .bind(sealer.seal(PLACE, secret.as_ref(), random)?)
        .bind(End::GENESIS.number)
        .bind(key.of_head(&End::GENESIS).bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

/// The key of the log's chain.
pub(crate) async fn open(
    connection: &mut SqliteConnection,
    sealer: &Sealer,
) -> Result<AuditKey, StoreError> {
    let sealed = sealed(connection).await?;
    unseal(&sealed, sealer).and_then(|secret| key(&secret))
}

/// Seals the key of the log's chain under another master key. The chain stays what it is.
pub(crate) async fn reseal(
    connection: &mut SqliteConnection,
    old: &Sealer,
    new: &Sealer,
    random: &dyn Random,
) -> Result<(), StoreError> {
    let sealed = sealed(connection).await?;
    let secret = unseal(&sealed, old)?;
    sqlx::query("UPDATE audit_head SET sealed = ? WHERE one = 1")
        .bind(new.seal(PLACE, &secret, random)?)
        .execute(connection)
        .await?;
    Ok(())
}

/// Moves the head to the end of the chain.
pub(super) async fn close(
    connection: &mut SqliteConnection,
    end: &End,
    key: &AuditKey,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE audit_head SET number = ?, mac = ? WHERE one = 1")
        .bind(end.number)
        .bind(key.of_head(end).bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

async fn sealed(connection: &mut SqliteConnection) -> Result<Vec<u8>, StoreError> {
    let sealed = sqlx::query_scalar("SELECT sealed FROM audit_head WHERE one = 1");
    let sealed = sealed.fetch_optional(connection).await?;
    sealed.ok_or(StoreError::Corrupt {
        what: "the audit log has lost its key and its end",
    })
}

fn unseal(sealed: &[u8], sealer: &Sealer) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let opened = sealer.open(PLACE, sealed);
    opened.map_err(|_| StoreError::Unseal { what: KEY })
}

fn key(secret: &[u8]) -> Result<AuditKey, StoreError> {
    AuditKey::new(secret).ok_or(StoreError::Corrupt { what: KEY })
}
