//! Issuers: their URLs and their keys.

use countersign::Id;
use countersign::jose::{Algorithm, SigningKey};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection as _, Row as _};

use crate::error::StoreError;
use crate::record::read_id;
use crate::seal::Place;
use crate::store::{Inner, Store};

impl Store {
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
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        let stored = match stored_url(&mut transaction, name).await? {
            Some(stored) => stored,
            None => {
                sqlx::query("UPDATE issuers SET url = ? WHERE name = ?")
                    .bind(url)
                    .bind(name)
                    .execute(&mut *transaction)
                    .await?;
                url.to_owned()
            }
        };
        transaction.commit().await?;
        Ok(stored)
    }

    /// The key that issuer `name` signs with, made and stored now if there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherAlgorithm`] when the stored one is not for `algorithm`,
    /// [`StoreError::Unseal`] when it does not open, [`StoreError::UnknownIssuer`], or that the
    /// database cannot be read or written.
    pub async fn signing_key(
        &self,
        name: &str,
        algorithm: Algorithm,
    ) -> Result<SigningKey, StoreError> {
        let mut connection = self.0.writer().await?;
        // No other process can make one meanwhile. Making an RSA key takes a moment, once.
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        let issuer = sqlx::query_scalar("SELECT id FROM issuers WHERE name = ?")
            .bind(name)
            .fetch_optional(&mut *transaction)
            .await?
            .ok_or_else(|| unknown(name))?;
        let issuer: Vec<u8> = issuer;
        let stored =
            sqlx::query("SELECT id, algorithm, sealed FROM signing_keys WHERE issuer_id = ?")
                .bind(&issuer)
                .fetch_optional(&mut *transaction)
                .await?;
        if let Some(row) = stored {
            return self.0.open_key(&row, name, algorithm);
        }
        let key = self
            .0
            .make_key(&mut transaction, &issuer, algorithm)
            .await?;
        transaction.commit().await?;
        Ok(key)
    }
}

impl Inner {
    fn open_key(
        &self,
        row: &SqliteRow,
        issuer: &str,
        wanted: Algorithm,
    ) -> Result<SigningKey, StoreError> {
        let stored: Algorithm =
            row.try_get::<&str, _>("algorithm")?
                .parse()
                .map_err(|_| StoreError::Corrupt {
                    what: "a signing key's algorithm",
                })?;
        if stored != wanted {
            return Err(StoreError::OtherAlgorithm {
                issuer: issuer.to_owned(),
                stored,
                wanted,
            });
        }
        let id = read_id(row.try_get("id")?)?;
        let secret = self
            .ground
            .sealer
            .open(key_place(&id), row.try_get("sealed")?)
            .map_err(|_| StoreError::Unseal {
                what: "the signing key",
            })?;
        SigningKey::from_secret_bytes(stored, &secret).map_err(|_| StoreError::Corrupt {
            what: "a signing key",
        })
    }

    async fn make_key(
        &self,
        connection: &mut SqliteConnection,
        issuer: &[u8],
        algorithm: Algorithm,
    ) -> Result<SigningKey, StoreError> {
        let now = self.options.clock.now();
        let random = &*self.options.random;
        let id = Id::new(now, &self.ground.account, random)?;
        let key = SigningKey::generate(algorithm, random)?;
        let sealed = self
            .ground
            .sealer
            .seal(key_place(&id), &key.to_secret_bytes()?, random)?;
        sqlx::query(
            "INSERT INTO signing_keys (id, issuer_id, algorithm, sealed, created_at, activates_at)
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(id.as_bytes().as_slice())
        .bind(issuer)
        .bind(algorithm.as_str())
        .bind(sealed)
        .bind(now.unix_millis())
        .bind(now.unix_millis())
        .execute(connection)
        .await?;
        Ok(key)
    }
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

fn key_place(id: &Id) -> Place<'_> {
    Place {
        table: "signing_keys",
        row: id.as_bytes(),
        column: "sealed",
    }
}
