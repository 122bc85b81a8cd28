//! Brings the view up to date with the database, whichever process writes to it.

use std::collections::HashSet;
use std::sync::Arc;

use countersign::Id;
use countersign::directory::{
    CredentialKind, Denial, DenySet, Directory as _, MemoryDirectory, Status,
};
use countersign::registry::Page;
use countersign::registry::backend::StoredCredential;

use super::{State, View, ViewContents};
use crate::error::{StoreError, corrupt};
use crate::feed::{FeedLog, Read};
use crate::nodes::{Node, Position};
use crate::records::ChangedEntity;
use crate::sql::changes::LogHead;
use crate::sql::delta::Delta;
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
        let mut is_current = news == News::Nothing && !has_registered;
        while !is_current {
            let id = node.map(Node::id);
            let found = self.read(&mut connection, news, state, view, id).await?;
            let (head, is_listed) = (found.head, found.is_listed);
            // Before the view is fresh by this comparison.
            self.feed.follow(&head, found.read, self.watcher.timeline());
            if let Some(node) = node {
                node.set_position(Position {
                    epoch: head.epoch,
                    applied: head.number,
                    is_listed,
                });
            }
            self.applied = Some(head);
            is_current = found.is_current;
        }
        self.watcher.put_back(connection);
        if node.is_some_and(Node::is_listed) {
            view.compared(began);
        }
        Ok(())
    }

    /// Reads what has changed since the last call, or all records if that is not known.
    async fn read(
        &self,
        db: &mut Connection,
        news: News,
        state: &State,
        view: &View,
        node: Option<&Id>,
    ) -> Result<Found, StoreError> {
        if let Some((applied, delta)) = self.delta(db, news, node).await?
            && delta.changes.iter().all(is_plain)
        {
            let found = Found::of(&delta, &applied)?;
            self.apply(&delta, view)?;
            return Ok(found);
        }
        // More records are needed, as they are at the same moment.
        db.begin(Access::ReadAll).await?;
        let found = match self.delta(db, news, node).await? {
            Some((applied, delta)) => {
                let found = Found::of(&delta, &applied)?;
                self.apply_with_others(db, &delta, state, view).await?;
                found
            }
            None => self.reload(db, news, state, view, node).await?,
        };
        db.commit().await?;
        Ok(found)
    }

    /// Returns what the view lacks, and up to where it has followed the log; `None` if all records must be read: if there were none
    /// before, after too long a time, since the log is finite, or because it is another history.
    async fn delta(
        &self,
        db: &mut Connection,
        news: News,
        node: Option<&Id>,
    ) -> Result<Option<(LogHead, Delta)>, StoreError> {
        let Some(applied) = self.applied.filter(|_| news != News::Failover) else {
            return Ok(None);
        };
        let has_credentials = self.contents == ViewContents::Everything;
        let delta = sql::delta::after(db, applied.number, node, has_credentials).await?;
        let head = &delta.head;
        let is_known = head.continues(&applied) && applied.number + 1 >= head.oldest;
        Ok(is_known.then_some((applied, delta)))
    }

    /// Reads all records.
    async fn reload(
        &self,
        db: &mut Connection,
        news: News,
        state: &State,
        view: &View,
        node: Option<&Id>,
    ) -> Result<Found, StoreError> {
        let (head, is_listed) = sql::delta::head(db, node).await?;
        let is_other = |applied: &LogHead| news == News::Failover || !head.continues(applied);
        let before = view.records();
        // No denial is forgotten: what was revoked may not be in this history.
        let denied = self.applied.filter(is_other).map(|_| before.denied());
        self.load(db, state, view, denied).await?;
        let is_cut = |applied: LogHead| head.epoch == applied.epoch && head.number < applied.number;
        let is_cut = self.applied.is_some_and(is_cut);
        Ok(Found {
            head,
            is_listed,
            read: Read::Everything { is_cut },
            is_current: true,
        })
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

    /// Applies changes to denials and credentials. Records are as they are now, which may be later than the change that names them.
    fn apply(&self, delta: &Delta, view: &View) -> Result<(), StoreError> {
        if self.contents == ViewContents::Nothing {
            return Ok(());
        }
        let records = view.records();
        // Denials come before their credentials, which may have been deleted.
        let mut denied = HashSet::new();
        for denial in &delta.denials {
            let (Denial::Below { entity, .. } | Denial::Token { token: entity, .. }) = denial;
            denied.insert(*entity);
            records.denied().deny(denial);
        }
        let has_credentials = self.contents == ViewContents::Everything;
        let mut found = HashSet::new();
        for credential in &delta.credentials {
            put(&records, credential)?;
            found.insert(credential.record.id);
        }
        for change in &delta.changes {
            match change {
                ChangedEntity::Denial(id) if !denied.contains(id) => records.denied().remove(id),
                ChangedEntity::Credential(id) if has_credentials && !found.contains(id) => {
                    records.remove(id);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Applies changes of any kind. After an error, all of them are applied again.
    async fn apply_with_others(
        &self,
        snapshot: &mut Connection,
        delta: &Delta,
        state: &State,
        view: &View,
    ) -> Result<(), StoreError> {
        let changes: HashSet<_> = delta.changes.iter().copied().collect();
        // Before the credentials, whose digests may use a new pepper.
        if changes.contains(&ChangedEntity::Peppers) {
            state.reload_peppers(snapshot).await?;
        }
        let is_key = |change: &ChangedEntity| matches!(change, ChangedEntity::SigningKey(_));
        if changes.iter().any(is_key) {
            state.reload_signing_keys(snapshot).await?;
        }
        self.apply(delta, view)?;
        if self.contents != ViewContents::Everything {
            return Ok(());
        }
        let records = view.records();
        for change in changes {
            match change {
                ChangedEntity::CreatedTokens(creator) => {
                    revoke_created(snapshot, &creator, &records).await?;
                }
                ChangedEntity::Account(id) => {
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

/// What a comparison has found.
struct Found {
    /// All changes up to this one are in the view.
    head: LogHead,
    /// Whether the row of this node was there, and not leaving.
    is_listed: bool,
    read: Read,
    /// Whether there was nothing more in the log.
    is_current: bool,
}

impl Found {
    /// `applied` is what the view had before these changes.
    fn of(delta: &Delta, applied: &LogHead) -> Result<Self, StoreError> {
        let head = delta.reached(applied)?;
        Ok(Self {
            is_current: head.number == delta.head.number,
            head,
            is_listed: delta.is_listed,
            read: Read::Changes(delta.changes.clone()),
        })
    }
}

/// Returns whether the records that a change names are in a [`Delta`].
const fn is_plain(change: &ChangedEntity) -> bool {
    matches!(
        change,
        ChangedEntity::Credential(_) | ChangedEntity::Denial(_) | ChangedEntity::Node(_)
    )
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
