//! Answers to verifiers. The rules are in [`feed`](crate::feed).

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use countersign::Id;
use countersign::directory::{Denial, DenySet, Directory as _, MemoryDirectory};
use countersign::jose::{Algorithm, SigningKeys};
use countersign::key::{Pepper, Peppers};

use crate::error::StoreError;
use crate::feed::{Due, FeedContents, FeedCursor, FeedVerifier, KeyContents, KeyFilter, TooMany};
use crate::records::ChangedEntity;
use crate::sql;
use crate::store::{Inner, Store};

/// How often a row is written before an answer fails.
const ATTEMPTS: u32 = 3;

impl Store {
    /// The owner of the keys that sign the feed, among the issuers. No issuer can have this name.
    pub const FEED: &str = "(feed)";

    /// Returns the keys that sign the feed, which follow those in the database from then on. They sign nothing else. If there is
    /// none, one is created.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unseal`] if a key cannot be decrypted, or that the database cannot be read or written.
    pub async fn feed_keys(&self) -> Result<SigningKeys, StoreError> {
        self.insert_issuer(Self::FEED).await?;
        self.signing_keys(Self::FEED, Some(Algorithm::EdDsa)).await
    }

    /// Returns the id of the database, which stays the same when a backup is restored.
    #[must_use]
    pub fn cluster(&self) -> Id {
        self.default_account()
    }

    /// Waits until there are changes after a cursor, or the history is another one. It does not end by itself.
    pub async fn wait_for_change(&self, cursor: &FeedCursor) {
        self.0.feed.wait_after(cursor).await;
    }

    /// Returns whether a verifier with this cursor learns only what has changed, at present.
    #[must_use]
    pub fn knows_changes_after(&self, cursor: &FeedCursor) -> bool {
        self.0.feed.knows_after(cursor)
    }

    /// Registers a verifier as a node, for [`wait_for_nodes`](Self::wait_for_nodes), and takes its cursor as an acknowledgement, which
    /// is written with those of others within some milliseconds. Call it when a question arrives.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooManyVerifiers`], or that the database cannot be written.
    pub async fn register_verifier(&self, verifier: &FeedVerifier) -> Result<(), StoreError> {
        let cursor = verifier.cursor.as_ref();
        let acknowledged = cursor.and_then(|cursor| self.0.feed.acknowledged(cursor));
        let now = (self.0.view.since_boot(), self.0.state.clock.now());
        let asked = self
            .0
            .feed
            .members(|members| members.ask(verifier, acknowledged, now));
        match asked {
            Ok(Due::Registration) => self.0.write_verifiers().await,
            Ok(Due::Acknowledgement) => {
                self.0.feed_acknowledged.notify_one();
                Ok(())
            }
            Ok(Due::Nothing) => Ok(()),
            Err(TooMany) => Err(StoreError::TooManyVerifiers),
        }
    }

    /// Returns what a registered verifier does not know yet, and how current it is. With this store's view of denials, whatever the
    /// issuer and the account of the denied tokens, and of the keys that it may learn.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooManyVerifiers`], [`StoreError::TooManyKeys`], [`StoreError::Closed`], or that the database cannot be read or
    /// written.
    pub async fn answer_verifier(
        &self,
        verifier: &FeedVerifier,
    ) -> Result<FeedContents, StoreError> {
        for _ in 0..ATTEMPTS {
            if let Some(contents) = self.feed_contents(verifier).await? {
                return Ok(contents);
            }
            // The row is new, or was found to be leaving.
            self.register_verifier(verifier).await?;
            self.0.poll().await?;
        }
        let contents = self.feed_contents(verifier).await?;
        contents.ok_or(StoreError::Closed)
    }

    async fn feed_contents(
        &self,
        verifier: &FeedVerifier,
    ) -> Result<Option<FeedContents>, StoreError> {
        let knows_changes = |cursor| self.knows_changes_after(cursor);
        let is_delta = verifier.cursor.as_ref().is_some_and(knows_changes);
        if verifier.keys.is_none() || is_delta {
            return self.0.feed_contents(verifier);
        }
        // All credentials are looked at.
        let (inner, verifier) = (Arc::clone(&self.0), verifier.clone());
        let contents = tokio::task::spawn_blocking(move || inner.feed_contents(&verifier));
        contents.await.map_err(|_| StoreError::Closed)?
    }
}

impl Inner {
    /// Returns `None` if the verifier is not registered yet, or the view has not been compared with the database.
    fn feed_contents(&self, verifier: &FeedVerifier) -> Result<Option<FeedContents>, StoreError> {
        // First: what is read afterwards is at least as current.
        let Some(compared_at) = self.view.compared_at() else {
            return Ok(None);
        };
        let cursor = verifier.cursor.as_ref();
        let Some(position) = self.feed.position(&verifier.id, cursor, compared_at) else {
            return Ok(None);
        };
        let records = self.view.records();
        let denied = records.denied();
        let (denials, removed) = match &position.changed {
            Some(changed) => changes(denied, changed),
            None => (all(denied), Vec::new()),
        };
        let keys = verifier.keys.as_ref().map(|filter| {
            let mut contents = match &position.changed {
                Some(changed) => changed_keys(&records, changed, filter),
                None => all_keys(&records, filter)?,
            };
            contents.peppers = peppers_of(&contents, &self.state.peppers);
            Ok::<_, StoreError>(contents)
        });
        let keys = keys.transpose()?;
        let is_delta = position.changed.is_some();
        Ok(Some(FeedContents {
            history: position.history,
            after: cursor.filter(|_| is_delta).map(|cursor| cursor.applied),
            head: position.head,
            age: self.view.since_boot().saturating_sub(compared_at),
            denials,
            removed,
            keys,
        }))
    }

    /// Writes the acknowledgements of verifiers soon after they have come, many at once. It does not end.
    pub(crate) async fn acknowledge_verifiers(&self, pause: Duration) {
        let mut is_failing = false;
        loop {
            self.feed_acknowledged.notified().await;
            let written = self.write_verifiers().await;
            if let Err(error) = &written
                && !is_failing
            {
                tracing::warn!(%error, "the acknowledgements of verifiers were not written");
            }
            is_failing = written.is_err();
            tokio::time::sleep(pause).await;
        }
    }

    /// Writes the rows of all verifiers that must be written, in one transaction.
    pub(crate) async fn write_verifiers(&self) -> Result<(), StoreError> {
        // What was noted while others were written is written at once.
        let _turn = self.feed_writer.lock().await;
        let now = self.view.since_boot();
        let (mut rows, marks) = self.feed.members(|members| members.unwritten(now));
        if rows.is_empty() {
            return Ok(());
        }
        let mut connection = self.database.begin_own().await?;
        for row in &mut rows {
            if !row.is_new && sql::nodes::acknowledge(&mut connection, &row.record).await? {
                continue;
            }
            row.is_new = true;
            row.record.registration = self.registration_number()?;
            // A crash of the database may undo an acknowledgement, and no registration.
            connection.make_durable().await?;
            sql::nodes::register(&mut connection, &row.record).await?;
            // A new row has acknowledged nothing.
            sql::nodes::acknowledge(&mut connection, &row.record).await?;
        }
        connection.commit().await?;
        let now = self.view.since_boot();
        self.feed
            .members(|members| members.written(&rows, marks, now));
        Ok(())
    }

    /// Returns a number that no other registration has: several processes may register one verifier.
    fn registration_number(&self) -> Result<i64, StoreError> {
        let mut bytes = [0; 8];
        self.state.random.fill(&mut bytes)?;
        Ok(i64::from_be_bytes(bytes) & i64::MAX)
    }
}

fn all(denied: &DenySet) -> Vec<Denial> {
    let mut denials = Vec::with_capacity(denied.len());
    denied.for_each(|denial| denials.push(denial));
    denials
}

/// Returns what is denied of the entities that have changed, and of which of them nothing is.
fn changes(denied: &DenySet, changed: &HashSet<ChangedEntity>) -> (Vec<Denial>, Vec<Id>) {
    let (mut denials, mut removed) = (Vec::new(), Vec::new());
    for change in changed {
        match change {
            ChangedEntity::Account(id) | ChangedEntity::Credential(id) => {
                denials.extend(denied.denials_of(id));
            }
            ChangedEntity::Denial(id) => match denied.denials_of(id) {
                of_entity if of_entity.is_empty() => removed.push(*id),
                of_entity => denials.extend(of_entity),
            },
            // A managed token is denied by its record, which is not in the feed.
            ChangedEntity::CreatedTokens(_)
            | ChangedEntity::SigningKey(_)
            | ChangedEntity::Peppers
            | ChangedEntity::Node(_) => {}
        }
    }
    (denials, removed)
}

/// Returns all keys that a verifier learns.
fn all_keys(records: &MemoryDirectory, filter: &KeyFilter) -> Result<KeyContents, StoreError> {
    let mut contents = KeyContents::default();
    let mut count = 0_usize;
    records.for_each(|credential| {
        if filter.includes(&credential) {
            count += 1;
            if count <= filter.max {
                contents.keys.push(credential);
            }
        }
    });
    match count > filter.max {
        true => Err(StoreError::TooManyKeys(filter.max)),
        false => Ok(contents),
    }
}

/// Returns the keys that a verifier learns among the entities that have changed, and which of these are none.
fn changed_keys(
    records: &MemoryDirectory,
    changed: &HashSet<ChangedEntity>,
    filter: &KeyFilter,
) -> KeyContents {
    let mut contents = KeyContents::default();
    for change in changed {
        match change {
            ChangedEntity::Credential(id) => match records.credential(id) {
                Some(credential) if filter.includes(&credential) => contents.keys.push(credential),
                _ if filter.concerns(id) => contents.removed.push(*id),
                _ => {}
            },
            ChangedEntity::Account(id) if filter.account.is_none_or(|account| account == *id) => {
                let account = records.account(id);
                let account = account.map(|(generation, status)| (*id, generation, status));
                contents.accounts.extend(account);
            }
            // A pepper is sent with the first key whose digest it has made, and managed tokens are not sent.
            ChangedEntity::Account(_)
            | ChangedEntity::Peppers
            | ChangedEntity::CreatedTokens(_)
            | ChangedEntity::Denial(_)
            | ChangedEntity::SigningKey(_)
            | ChangedEntity::Node(_) => {}
        }
    }
    contents
}

/// Returns the peppers of the digests of the keys. A key whose pepper is not known here cannot be verified by the verifier.
fn peppers_of(contents: &KeyContents, peppers: &Peppers) -> Vec<Pepper> {
    let versions = contents.keys.iter().filter_map(|key| key.secret.pepper());
    let versions: BTreeSet<u32> = versions.collect();
    let found = versions
        .into_iter()
        .filter_map(|version| peppers.get(version));
    found.collect()
}
