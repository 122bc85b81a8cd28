//! All credentials, for a view. Most are keys without a network, an issuer or a second secret of their own: only a few columns of
//! these are read, because each column of each row takes time.

use std::collections::HashMap;

use countersign::directory::{Credential, EnvironmentKind, Status};
use countersign::registry::backend::{KeyDigest, KeyDigests, SecretDigest, StoredSecret};
use countersign::time::Timestamp;
use countersign::{Id, Scopes};

use super::{Connection, Row, StoredCredential, read};
use crate::error::{Result, corrupt};
use crate::sql::rows::{environment_kind, id};

/// The condition for a plain key. No index has a part in it: nearly all rows are read, in the order in which they are stored.
macro_rules! plain {
    () => {
        "kind NOT IN ('user', 'token') AND imported = 0 AND previous_digest IS NULL AND allow_from = '' AND issuers = ''"
    };
}

/// The columns are read by their position. Those of a fixed length are joined, and so are the generation and the status.
const PLAIN_KEYS: &str = concat!(
    "SELECT id || account_id || digest || coalesce(environment_id, ''), scopes, name,
        4 * generation + CASE status WHEN 'active' THEN 0 WHEN 'suspended' THEN 1 ELSE 2 END,
        pepper_version, expires_at
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
    db.for_each(PLAIN_KEYS, |row| {
        plain(keys.read(row)?);
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
    fn read(&mut self, row: &Row) -> Result<Credential> {
        let fixed: &[u8] = row.try_get_at(0)?;
        let (id, rest) = split_id(fixed)?;
        let (account, rest) = split_id(rest)?;
        let Some((digest, environment)) = rest.split_first_chunk() else {
            return corrupt("the length of a digest");
        };
        let environment = match environment {
            [] => None,
            environment => Some(split_id(environment)?.0),
        };
        let generation_and_status: i64 = row.try_get_at(3)?;
        let pepper: i64 = row.try_get_at(4)?;
        let current = KeyDigest {
            pepper: pepper.try_into().or_else(|_| corrupt("a number"))?,
            digest: SecretDigest::from_bytes(*digest),
        };
        let secret = StoredSecret::Key(KeyDigests::new(current, None));
        let mut key = Credential::new(id, account, self.scopes(row.try_get_at(1)?)?, secret);
        key.name = Some(row.try_get_at::<&str>(2)?)
            .filter(|name| !name.is_empty())
            .map(Into::into);
        key.account_generation = 0;
        key.environment = environment;
        if let Some(environment) = environment {
            let kind = self.environments.get(&environment);
            key.environment_kind = kind.copied().unwrap_or(EnvironmentKind::Production);
        }
        let generation = (generation_and_status / 4).try_into();
        key.generation = generation.or_else(|_| corrupt("a number"))?;
        key.status = match generation_and_status % 4 {
            0 => Status::Active,
            1 => Status::Suspended,
            _ => Status::Revoked,
        };
        let expires_at: Option<i64> = row.try_get_at(5)?;
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

fn split_id(bytes: &[u8]) -> Result<(Id, &[u8])> {
    match bytes.split_first_chunk() {
        Some((id, rest)) => Ok((Id::from_bytes(*id), rest)),
        None => corrupt("the length of an id"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::sqlite::{memory, plan};

    #[tokio::test]
    async fn all_rows_are_read_in_the_order_in_which_they_are_stored() {
        let mut db = memory().await;
        for query in [PLAIN_KEYS, OTHERS] {
            let plan = plan(&mut db, query).await;
            assert!(plan.contains("SCAN credentials"), "{query}\n{plan}");
            assert!(!plan.contains("SCAN credentials USING"), "{query}\n{plan}");
        }
    }
}
