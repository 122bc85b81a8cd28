//! Brings the view up to date with the database, whichever process writes to it.

use std::collections::HashSet;
use std::sync::Arc;

use countersign::Id;
use countersign::directory::{CredentialKind, DenySet, Directory as _, MemoryDirectory, Status};
use countersign::registry::Page;
use countersign::registry::backend::StoredCredential;

use super::{State, View, ViewContents};
use crate::error::{StoreError, corrupt};
use crate::feed::{FeedLog, Read};
use crate::nodes::{Node, Position};
use crate::records::ChangedEntity;
use crate::sql::changes::LogHead;
use crate::sql::{self, Access, Connection, News, Watcher};

/// Reads the change log, and applies it to the view. Only the owner of the follower changes the view.
pub(crate) struct Follower {
    watcher: Watcher,
    /// All changes up to this one are in the view. `None`: nothing was read yet.
    applied: Option<LogHead>,
    closed: bool,
    contents: ViewContents,
    feed: Arc<FeedLog>,
}

impl Follower {
    pub(crate) const fn new(watcher: Watcher, contents: ViewContents, feed: Arc<FeedLog>) -> Self {
        Self {
            watcher,
            applied: None,
            closed: false,
            contents,
            feed,
        }
    }

    /// Compares the view with the database, and reads what has changed. The view is fresh afterwards if this process is
    /// listed as a node: see [`nodes`](crate::nodes).
    pub(crate) async fn poll(
        &mut self,
        state: &State,
        view: &View,
        node: Option<&Node>,
    ) -> Result<(), StoreError> {
        if self.closed {
            return Err(StoreError::Closed);
        }
        // Before the comparison: the view is at least as fresh as this.
        let began = view.since_boot();
        let mut connection = self.watcher.take().await?;
        let news = self.watcher.news(&mut connection).await?;
        // A registration is no news.
        let has_registered = node.is_some_and(|node| !node.is_listed());
        if news != News::Nothing || has_registered {
            connection.begin(Access::ReadAll).await?;
            let (head, read) = self.read(&mut connection, news, state, view).await?;
            let is_listed = match node {
                Some(node) => sql::nodes::is_listed(&mut connection, node.id()).await?,
                None => false,
            };
            connection.commit().await?;
            // Before the view is fresh by this comparison.
            self.feed.follow(&head, read, self.watcher.timeline());
            if let Some(node) = node {
                node.set_position(Position {
                    epoch: head.epoch,
                    applied: head.number,
                    is_listed,
                });
            }
            self.applied = Some(head);
        }
        self.watcher.put_back(connection);
        if node.is_some_and(Node::is_listed) {
            view.compared(began);
        }
        Ok(())
    }

    /// Reads the changes since the last call from one snapshot, or all records if there was none. Returns the last
    /// change in the snapshot, and what was read.
    async fn read(
        &self,
        snapshot: &mut Connection,
        news: News,
        state: &State,
        view: &View,
    ) -> Result<(LogHead, Read), StoreError> {
        let head = sql::changes::head(snapshot).await?;
        let mut read = Read::Everything { is_cut: false };
        match &self.applied {
            None => self.load(snapshot, state, view, None).await?,
            // All records are read, and no denial is forgotten: what was revoked may not be in this history.
            Some(applied) if news == News::Failover || !head.continues(applied) => {
                let before = view.records();
                let denied = Some(before.denied());
                self.load(snapshot, state, view, denied).await?;
                let is_cut = head.epoch == applied.epoch && head.number < applied.number;
                read = Read::Everything { is_cut };
            }
            // The log is finite: after too long a time, all records are read.
            Some(applied) if applied.number + 1 < head.oldest => {
                self.load(snapshot, state, view, None).await?;
            }
            Some(applied) => {
                let count = head.number - applied.number;
                let changes = sql::changes::after(snapshot, applied.number).await?;
                // Numbers are dense: this finds a change that was removed, and a log that was reset.
                if i64::try_from(changes.len()).ok() != Some(count) {
                    return corrupt("the change log has a gap");
                }
                let distinct = changes.iter().copied().collect();
                self.apply(snapshot, distinct, state, view).await?;
                read = Read::Changes(changes);
            }
        }
        Ok((head, read))
    }

    /// Reads all records, which then replace those in the view at once, together with denials from before.
    async fn load(
        &self,
        snapshot: &mut Connection,
        state: &State,
        view: &View,
        denied: Option<&DenySet>,
    ) -> Result<(), StoreError> {
        let records = MemoryDirectory::default();
        state.reload_peppers(snapshot).await?;
        if self.contents == ViewContents::Everything {
            for account in sql::accounts::list(snapshot, Page::all()).await? {
                records.put_account(account.id, account.generation, account.status);
            }
            let plain = |key| records.put(key);
            let other = |credential: &_| put(&records, credential);
            sql::credentials::for_each(snapshot, plain, other).await?;
        }
        if self.contents != ViewContents::Nothing {
            sql::denials::load_all(snapshot, records.denied()).await?;
            if let Some(denied) = denied {
                records.denied().deny_all_of(denied);
            }
        }
        state.reload_signing_keys(snapshot).await?;
        view.replace(records);
        Ok(())
    }

    /// Applies changes. Records are read as they are in the snapshot, which may be later than the change that names them.
    /// After an error, all of them are applied again.
    async fn apply(
        &self,
        snapshot: &mut Connection,
        changes: HashSet<ChangedEntity>,
        state: &State,
        view: &View,
    ) -> Result<(), StoreError> {
        // Before the credentials, whose digests may use a new pepper.
        if changes.contains(&ChangedEntity::Peppers) {
            state.reload_peppers(snapshot).await?;
        }
        let is_key = |change: &ChangedEntity| matches!(change, ChangedEntity::SigningKey(_));
        if changes.iter().any(is_key) {
            state.reload_signing_keys(snapshot).await?;
        }
        let everything = self.contents == ViewContents::Everything;
        let records = view.records();
        for change in changes {
            match change {
                ChangedEntity::SigningKey(_) | ChangedEntity::Peppers | ChangedEntity::Node(_) => {
                    continue;
                }
                _ if self.contents == ViewContents::Nothing => continue,
                // A managed token is denied by its record.
                ChangedEntity::CreatedTokens(_) => {}
                // Denials come before their credentials, which may have been deleted.
                ChangedEntity::Account(id) | ChangedEntity::Credential(id) => {
                    sql::denials::load(snapshot, &id, records.denied()).await?;
                }
                ChangedEntity::Denial(id) => {
                    if !sql::denials::load(snapshot, &id, records.denied()).await? {
                        records.denied().remove(&id);
                    }
                }
            }
            match change {
                ChangedEntity::Credential(id) if everything => {
                    match sql::credentials::find(snapshot, &id).await? {
                        Some(credential) => put(&records, &credential)?,
                        None => records.remove(&id),
                    }
                }
                ChangedEntity::CreatedTokens(creator) if everything => {
                    revoke_created(snapshot, &creator, &records).await?;
                }
                ChangedEntity::Account(id) if everything => {
                    if let Some(account) = sql::accounts::find(snapshot, &id).await? {
                        records.put_account(account.id, account.generation, account.status);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub(crate) async fn close(&mut self) -> Result<(), StoreError> {
        self.closed = true;
        self.watcher.close().await
    }
}

/// Revokes the managed tokens in the view that a credential created and that are revoked. Only their ids are read: there may
/// be many.
async fn revoke_created(
    snapshot: &mut Connection,
    creator: &Id,
    records: &MemoryDirectory,
) -> Result<(), StoreError> {
    for id in sql::credentials::revoked_created(snapshot, creator).await? {
        let found = records.credential(&id);
        // A token that is not in the view was created meanwhile: it has a change of its own.
        if let Some(mut token) = found.filter(|token| token.status != Status::Revoked) {
            token.status = Status::Revoked;
            records.put(token);
        }
    }
    Ok(())
}

/// Puts a credential into the view. The state of its account is in the view separately.
fn put(records: &MemoryDirectory, credential: &StoredCredential) -> Result<(), StoreError> {
    let (record, credential) = (&credential.record, credential.credential(0));
    match record.kind {
        CredentialKind::User => {
            let name = record.name.parse();
            records.put_user(name.or_else(|_| corrupt("the name of a user"))?, credential);
        }
        _ => records.put(credential),
    }
    Ok(())
}
