//! All credentials, for a view. Most are keys without a network, an issuer or a second secret of their own. These are read as bytes
//! that the database has joined: each row and each column that it hands over takes time, more than reading it from the table.

use std::collections::HashMap;

use countersign::directory::{Credential, EnvironmentKind, Status};
use countersign::registry::backend::{KeyDigest, KeyDigests, SecretDigest, StoredSecret};
use countersign::time::Timestamp;
use countersign::{Id, Scopes};

use super::{Connection, StoredCredential, read};
use crate::error::{Result, corrupt};
use crate::sql::joined::Joined;
use crate::sql::rows::{environment_kind, id};

/// The condition for a plain key. No index has a part in it: nearly all rows are read, in the order in which they are stored.
macro_rules! plain {
    () => {
        "digest IS NOT NULL AND imported = 0 AND previous_digest IS NULL AND allow_from = '' AND issuers = ''"
    };
}

/// The numbers with which the bytes of a plain key begin, each with a space behind it. The lengths of the environment, the name and
/// the scopes are among them.
macro_rules! numbers {
    () => {
        "4 * generation + CASE status WHEN 'active' THEN 0 WHEN 'suspended' THEN 1 ELSE 2 END, ' ', pepper_version, ' ',
         expires_at, ' ', CASE WHEN environment_id IS NULL THEN 0 ELSE 20 END, ' ', octet_length(name), ' ',
         octet_length(scopes), ' '"
    };
}

/// SQLite joins all keys of a part of the table: a row is handed over to another thread. Most parts have this many keys, and those
/// have none of which all rows were deleted.
const PLAIN_KEYS: &str = concat!(
    "WITH RECURSIVE part (first) AS (
         SELECT min(rowid) FROM credentials
         UNION ALL
         SELECT first + 128 FROM part WHERE first + 128 <= (SELECT max(rowid) FROM credentials))
     SELECT (
         SELECT group_concat(concat(",
    numbers!(),
    ", id, account_id, digest, environment_id, name, scopes), '')
         FROM credentials WHERE rowid >= first AND rowid < first + 128 AND ",
    plain!(),
    ") FROM part"
);
/// Each row is one key.
#[cfg(feature = "postgres")]
const PLAIN_KEYS_OF_POSTGRES: &str = concat!(
    "SELECT convert_to(concat(",
    numbers!(),
    "), 'UTF8') || id || account_id || digest || coalesce(environment_id, '') || convert_to(name || scopes, 'UTF8')
     FROM credentials WHERE ",
    plain!()
);
const OTHERS: &str = select!("WHERE NOT (", plain!(), ")");

/// The most different scopes that are remembered.
const MAX_SCOPES: usize = 10_000;

/// Calls one of two functions for every credential, without having all of them in memory: `plain` for the plain keys, which
/// are read as a directory has them, with accounts of generation 0, and `other` for all others.
pub(crate) async fn for_each(
    db: &mut Connection,
    mut plain: impl FnMut(Credential),
    mut other: impl FnMut(&StoredCredential) -> Result<()>,
) -> Result<()> {
    let mut keys = PlainKeys::default();
    db.for_each("SELECT id, kind FROM environments", |row| {
        let kind = environment_kind(row, "kind")?;
        keys.environments.insert(id(row, "id")?, kind);
        Ok(())
    })
    .await?;
    let plain_keys = match db {
        Connection::Sqlite(_) => PLAIN_KEYS,
        #[cfg(feature = "postgres")]
        Connection::Postgres(_) => PLAIN_KEYS_OF_POSTGRES,
    };
    db.for_each(plain_keys, |row| {
        let joined: Option<&[u8]> = row.try_get_at(0)?;
        let mut joined = Joined(joined.unwrap_or_default());
        while !joined.is_empty() {
            plain(keys.read(&mut joined)?);
        }
        Ok(())
    })
    .await?;
    db.for_each(OTHERS, |row| other(&read(row)?)).await
}

/// Reads plain keys.
#[derive(Default)]
struct PlainKeys {
    environments: HashMap<Id, EnvironmentKind>,
    /// Scopes by their text: many keys have the same.
    scopes: HashMap<String, Scopes>,
}

impl PlainKeys {
    fn read(&mut self, from: &mut Joined<'_>) -> Result<Credential> {
        let generation_and_status: u64 = from.number()?;
        let pepper = from.number()?;
        let expires_at = from.optional_number()?;
        let [environment, name, scopes] = [from.number()?, from.number()?, from.number()?];
        let (id, account) = (Id::from_bytes(from.array()?), Id::from_bytes(from.array()?));
        let current = KeyDigest {
            pepper,
            digest: SecretDigest::from_bytes(from.array()?),
        };
        let environment = match environment {
            0 => None,
            _ => Some(Id::from_bytes(from.array()?)),
        };
        let (name, scopes) = (from.text(name)?, from.text(scopes)?);
        let secret = StoredSecret::Key(KeyDigests::new(current, None));
        let mut key = Credential::new(id, account, self.scopes(scopes)?, secret);
        key.name = Some(name).filter(|name| !name.is_empty()).map(Into::into);
        key.account_generation = 0;
        key.environment = environment;
        if let Some(environment) = environment {
            let kind = self.environments.get(&environment);
            key.environment_kind = kind.copied().unwrap_or(EnvironmentKind::Production);
        }
        let generation = u32::try_from(generation_and_status / 4);
        key.generation = generation.or_else(|_| corrupt("a number"))?;
        key.status = match generation_and_status % 4 {
            0 => Status::Active,
            1 => Status::Suspended,
            _ => Status::Revoked,
        };
        key.expires_at = expires_at.map(Timestamp::from_unix_millis);
        Ok(key)
    }

    fn scopes(&mut self, text: &str) -> Result<Scopes> {
        if let Some(known) = self.scopes.get(text) {
            return Ok(known.clone());
        }
        let scopes: Scopes = text
            .parse()
            .or_else(|_| corrupt("the scopes of a credential"))?;
        if self.scopes.len() == MAX_SCOPES {
            self.scopes.clear();
        }
        self.scopes.insert(text.to_owned(), scopes.clone());
        Ok(scopes)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::sql::sqlite::{memory, plan};

    #[tokio::test]
    async fn rows_are_read_in_the_order_in_which_they_are_stored() {
        let mut db = memory().await;
        let plan_of_parts = plan(&mut db, PLAIN_KEYS).await;
        let part = "SEARCH credentials USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)";
        assert!(plan_of_parts.contains(part), "{plan_of_parts}");
        let plan_of_others = plan(&mut db, OTHERS).await;
        assert!(
            plan_of_others.contains("SCAN credentials"),
            "{plan_of_others}"
        );
        assert!(
            !plan_of_others.contains("SCAN credentials USING"),
            "{plan_of_others}"
        );
    }

    #[tokio::test]
    async fn every_key_is_read_once_whatever_parts_of_the_table_are_empty() {
        let mut db = memory().await;
        let fill = "
            PRAGMA foreign_keys = OFF;
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
            INSERT INTO credentials (id, kind, name, account_id, scopes, created_at, updated_at, pepper_version, digest)
            SELECT CAST(printf('%020d', i) AS BLOB), 'key', 'ключ ' || i, zeroblob(20), 'calls:read', 0, 0, 1, zeroblob(32)
            FROM n;
            DELETE FROM credentials WHERE rowid BETWEEN 100 AND 700";
        db.run_script(fill).await.unwrap();
        let mut names = HashSet::new();
        let plain = |key: Credential| assert!(names.insert(key.name.unwrap()));
        for_each(&mut db, plain, |_| Ok(())).await.unwrap();
        assert_eq!(names.len(), 399);
        assert!(names.contains("ключ 99") && names.contains("ключ 701"));
    }

    #[test]
    fn joined_bytes_that_end_too_early_or_have_other_numbers_are_an_error() {
        let id = [1; 20];
        let numbers = b"4 1  0 2 10 ";
        let key = [&numbers[..], &id, &id, &[2; 32], b"ci", b"calls:read"].concat();
        let read = |bytes: &[u8]| PlainKeys::default().read(&mut Joined(bytes));
        let found = read(&key).unwrap();
        assert_eq!(
            (found.name.as_deref(), found.scopes.as_str()),
            (Some("ci"), "calls:read")
        );
        for length in 0..key.len() {
            assert!(read(&key[..length]).is_err(), "{length}");
        }
        let rest = &key[numbers.len()..];
        for numbers in [
            "x 1  0 2 10 ",
            "4   0 2 10 ",
            "-4 1  0 2 10 ",
            "4 1  0 2 99999999999 ",
        ] {
            let wrong = [numbers.as_bytes(), rest].concat();
            assert!(read(&wrong).is_err(), "{numbers}");
        }
    }
}
