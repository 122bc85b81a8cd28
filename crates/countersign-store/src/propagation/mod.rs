//! Waiting until every node has applied what was committed. The rules are in [`nodes`](crate::nodes).

#[cfg(test)]
mod tests;

use std::time::Duration;

use countersign::registry::Caller;
use countersign::{BoxFuture, Id};

use crate::audit::AuditRecord;
use crate::error::StoreError;
use crate::nodes::{Incomplete, Node, Propagation, Receipt, has_expired};
use crate::records::{ChangedEntity, NodeList, NodeRecord};
use crate::sql;
use crate::store::{Inner, Store};

/// The shortest and the longest pause between two looks at the nodes.
const PAUSES: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(50)];
/// How long a call that waits for nodes takes at most to mark those that are silent.
const MARK_TIME: Duration = Duration::from_millis(500);

impl Store {
    /// Waits until every node has applied the changes that are committed now, or decides nothing any more because its view
    /// is stale. A node is a process, this one included, that has a store open whose view is not empty.
    ///
    /// A change is committed when the call that makes it returns. So after a complete receipt, a key that was created before
    /// is accepted by every node, and one that was revoked before is rejected by every node.
    ///
    /// The wait ends after `limit`, and then the receipt is incomplete. A node whose process has died, or which cannot reach
    /// the database, is waited for until its view is stale, and then removed, so that later calls do not wait for it: so give
    /// at least a second more than the largest [`max_staleness`](crate::StoreOptions::max_staleness). At most 64 calls wait in a process at once; for more, the receipt
    /// is incomplete at once.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use countersign::registry::{Caller, Change, NewKey, Registry as _};
    /// # use countersign_store::{Incomplete, Store, StoreOptions};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let url = format!("sqlite://{}/countersign.db", folder.path().display());
    /// # let mut options = StoreOptions::new(url);
    /// # options.poll_period = None;
    /// # let (store, other) = (Store::open(options.clone()).await?, Store::open(options).await?);
    /// # let operator = Caller::operator("alice");
    /// # let key = store.create_key(&operator, NewKey::new("ci", "calls:read".parse()?)).await?;
    /// store.change(&operator, key.record.id, Change::Revoke { reason: None }).await?;
    /// // The other process has not read the change yet.
    /// let receipt = store.wait_for_nodes(Duration::ZERO).await;
    /// assert!(matches!(receipt.incomplete, Some(Incomplete::NotAcknowledged(_))));
    ///
    /// // An open store does this by itself, every few milliseconds.
    /// other.catch_up().await?;
    /// other.acknowledge().await?;
    /// let receipt = store.wait_for_nodes(Duration::from_secs(6)).await;
    /// assert!(receipt.is_complete());
    /// assert_eq!((receipt.nodes, receipt.applied), (2, 2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait_for_nodes(&self, limit: Duration) -> BoxFuture<'_, Receipt> {
        Box::pin(async move {
            let Ok(_permit) = self.0.waiting.try_acquire() else {
                return Receipt::unknown(Incomplete::TooManyWaiting);
            };
            let began = self.0.view.since_boot();
            let propagation = match self.0.begin_wait().await {
                Ok(propagation) => propagation,
                Err(error) => return Receipt::unknown(error.into()),
            };
            let mut receipt = self.0.wait(propagation, limit).await;
            receipt.durable = self.0.survives_failover().await.unwrap_or(false);
            if receipt.lapsed > 0 {
                let waited = self.0.view.since_boot().saturating_sub(began);
                self.0.end_evictions(limit.saturating_sub(waited)).await;
            }
            receipt
        })
    }

    /// Acknowledges the changes that are in the view, for [`wait_for_nodes`](Self::wait_for_nodes) in other processes, and those that
    /// [verifiers](Self::register_verifier) have acknowledged. An open
    /// store does so by itself, unless its [`poll_period`](crate::StoreOptions::poll_period) is `None`.
    ///
    /// # Errors
    ///
    /// Returns an error if the database cannot be written.
    pub fn acknowledge(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.0.acknowledge().await?;
            self.0.write_verifiers().await
        })
    }

    /// Returns the nodes, and the number of the last change in the log.
    ///
    /// # Errors
    ///
    /// Returns an error if the database cannot be read.
    pub fn list_nodes(&self) -> BoxFuture<'_, Result<NodeList, StoreError>> {
        Box::pin(async move {
            let ((_, change), nodes) = self.0.nodes().await?;
            Ok(NodeList { change, nodes })
        })
    }

    /// Removes a node that has died and [served stale](crate::WhenStale::Serve): other nodes are removed by themselves. Returns
    /// whether there was such a node, which has not renewed its row for 30 s. If it is alive after all, it registers again.
    ///
    /// # Errors
    ///
    /// [`StoreError::CallerRevoked`], or that the database cannot be read or written.
    pub fn remove_node<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let (mut transaction, _) = self.0.begin_for(caller).await?;
            let now = transaction.now;
            let nodes = sql::nodes::list(transaction.connection()).await?;
            let found = nodes.into_iter().find(|node| node.id == id);
            let silent = found.filter(|node| {
                let served = NodeRecord {
                    serves_stale: false,
                    ..node.clone()
                };
                node.serves_stale && has_expired(&served, now)
            });
            let Some(node) = silent else {
                return Ok(false);
            };
            sql::nodes::delete(transaction.connection(), &node.id).await?;
            transaction.changed(ChangedEntity::Node(node.id));
            let entry = AuditRecord::by(caller, "node.remove").about(None, node.id);
            transaction
                .append_audit(entry.with("name", node.name))
                .await?;
            transaction.commit().await?;
            Ok(true)
        })
    }
}

impl Inner {
    /// Begins to wait for the nodes that are registered now.
    pub(crate) async fn begin_wait(&self) -> Result<Propagation, StoreError> {
        self.try_evict().await;
        let began = self.view.since_boot();
        let (head, nodes) = self.nodes().await?;
        let mut propagation = Propagation::new(head, &nodes, began);
        propagation.look(head.0, &nodes, self.view.since_boot());
        Ok(propagation)
    }

    /// Looks at the nodes again, and begins to remove those that have probably died.
    pub(crate) async fn look(&self, propagation: &mut Propagation) -> Result<(), StoreError> {
        let ((epoch, _), nodes) = self.nodes().await?;
        let now = self.view.since_boot();
        propagation.look(epoch, &nodes, now);
        let silent = propagation.silent(&nodes, now);
        if !silent.is_empty() {
            // Another process may have stopped in the middle of a change, for which the receipt must not wait.
            let _ = tokio::time::timeout(MARK_TIME, self.mark_silent(silent)).await;
        }
        Ok(())
    }

    /// Begins to remove nodes; a failure has the effect that the next call waits for them, too.
    async fn mark_silent(&self, mut silent: Vec<NodeRecord>) {
        for node in &mut silent {
            if let Err(error) = self.mark_leaving(node).await {
                tracing::debug!(%error, "a node that is silent was not marked");
            }
        }
        // From now on, this process knows of the marks.
        self.try_evict().await;
    }

    /// Waits until the nodes are due that are being removed, and removes them: otherwise the next call would wait for them as
    /// long as this one has.
    async fn end_evictions(&self, at_most: Duration) {
        let left = self.evictions.lock().await.longest(self.view.since_boot());
        tokio::time::sleep(left.min(at_most)).await;
        self.try_evict().await;
    }

    async fn wait(&self, mut propagation: Propagation, limit: Duration) -> Receipt {
        while !propagation.has_ended() {
            let waited = propagation.waited(self.view.since_boot());
            if waited >= limit {
                break;
            }
            let [shortest, longest] = PAUSES;
            let pause = (waited / 8).clamp(shortest, longest);
            tokio::time::sleep(pause.min(limit.saturating_sub(waited))).await;
            if let Err(error) = self.look(&mut propagation).await {
                return propagation.end(Some(error.into()));
            }
        }
        propagation.end(None)
    }

    /// Returns whether a commit survives a failover.
    async fn survives_failover(&self) -> Result<bool, StoreError> {
        let mut reader = self.database.reader().await?;
        reader.commits_survive_failover().await
    }

    /// Returns the epoch and the number of the head of the log, and the nodes, as they are at one moment.
    async fn nodes(&self) -> Result<((Id, i64), Vec<NodeRecord>), StoreError> {
        let (head, mut nodes) = sql::nodes::head_and_list(&self.database).await?;
        // This process knows what it has applied, before it has acknowledged it.
        if let Some(own) = &self.node
            && let Some(position) = own.position()
            && let Some(row) = nodes.iter_mut().find(|node| node.id == *own.id())
        {
            (row.epoch, row.applied) = (Some(position.epoch), position.applied);
        }
        Ok(((head.epoch, head.number), nodes))
    }

    /// Removes nodes that have died, in two steps: see [`nodes`](crate::nodes).
    pub(crate) async fn evict(&self) -> Result<(), StoreError> {
        let mut evictions = self.evictions.lock().await;
        let (_, mut nodes) = self.nodes().await?;
        let now = self.state.clock.now();
        let own = self.node.as_ref().map(Node::id);
        let expired = |node: &&mut NodeRecord| {
            !node.is_leaving && own != Some(&node.id) && has_expired(node, now)
        };
        for node in nodes.iter_mut().filter(expired) {
            self.mark_leaving(node).await?;
        }
        // After the marks were committed.
        let since_boot = self.view.since_boot();
        for node in evictions.due(&nodes, since_boot) {
            let mut transaction = self.begin().await?;
            sql::nodes::remove(transaction.connection(), node).await?;
            transaction.commit().await?;
            tracing::info!(name = node.name, "a node that had died was removed");
        }
        Ok(())
    }

    /// Begins to remove a node, unless it has written its row since it was read.
    async fn mark_leaving(&self, node: &mut NodeRecord) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        node.is_leaving = sql::nodes::mark_leaving(transaction.connection(), node).await?;
        if node.is_leaving {
            // A node that reads that there is nothing new is listed.
            transaction.changed(ChangedEntity::Node(node.id));
        }
        transaction.commit().await
    }

    /// Removes nodes that have died; a failure has the effect that processes wait for nodes that have died.
    async fn try_evict(&self) {
        if let Err(error) = self.evict().await {
            tracing::debug!(%error, "nodes that have died were not removed");
        }
    }

    /// Deletes the row of this process, if it is a node. Its view must be closed, or have no handle.
    pub(crate) async fn leave(&self) -> Result<(), StoreError> {
        let Some(node) = &self.node else {
            return Ok(());
        };
        let mut connection = self.database.begin_own().await?;
        node.leave(&mut connection).await?;
        connection.commit().await
    }
}
