use std::fs;
use std::time::Duration;

use countersign::Id;
use countersign::random::Random;
use countersign::time::Timestamp;
use tokio::sync::{Mutex, watch};

use crate::error::StoreError;
use crate::records::NodeRecord;
use crate::sql::{self, Connection, Database};

/// How often a node renews its row while it has nothing to acknowledge.
pub(crate) const RENEWAL: Duration = Duration::from_secs(10);

/// This process as a node.
pub(crate) struct Node {
    /// What does not change of its row.
    record: NodeRecord,
    /// What the follower has read; `None` before the first time, and after the row was found missing by a write.
    position: watch::Sender<Option<Position>>,
    /// It is locked while the row is written.
    registration: Mutex<Registration>,
}

#[derive(Default)]
struct Registration {
    /// How often the node has registered. A number is used once, also if the row was deleted in the meantime.
    number: i64,
    has_left: bool,
}

/// How far a node has applied the change log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) epoch: Id,
    pub(crate) applied: i64,
    /// Whether the row of the node was listed in the same snapshot.
    pub(crate) is_listed: bool,
}

impl Node {
    pub(crate) fn new(
        max_staleness: Duration,
        serves_stale: bool,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<Self, StoreError> {
        let mut id = [0; 20];
        random.fill(&mut id)?;
        let record = NodeRecord {
            id: Id::from_bytes(id),
            name: name(),
            is_leaving: false,
            applied: 0,
            view_age: Duration::ZERO,
            seen_at: now,
            started_at: now,
            max_staleness,
            serves_stale,
            registration: 0,
            epoch: None,
        };
        Ok(Self {
            record,
            position: watch::Sender::default(),
            registration: Mutex::default(),
        })
    }

    pub(crate) const fn id(&self) -> &Id {
        &self.record.id
    }

    /// Returns how far the view has followed the log.
    pub(crate) fn position(&self) -> Option<Position> {
        *self.position.borrow()
    }

    /// Returns the changes of the position.
    pub(crate) fn positions(&self) -> watch::Receiver<Option<Position>> {
        self.position.subscribe()
    }

    /// Takes notice of the position up to which all changes are in the view.
    pub(crate) fn set_position(&self, position: Position) {
        self.position.send_if_modified(|known| {
            let is_new = *known != Some(position);
            *known = Some(position);
            is_new
        });
    }

    /// Returns whether the last read has found the row of this node.
    pub(crate) fn is_listed(&self) -> bool {
        self.position().is_some_and(|position| position.is_listed)
    }

    /// Writes the row: acknowledges what is in the view, and registers again if the last read has found the row leaving or missing.
    pub(crate) async fn write(
        &self,
        database: &Database,
        view_age: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut registration = self.registration.lock().await;
        if registration.has_left {
            return Ok(());
        }
        let Some(position) = self.position() else {
            return Ok(());
        };
        let mut row = NodeRecord {
            applied: position.applied,
            epoch: Some(position.epoch),
            view_age,
            seen_at: now,
            ..self.record.clone()
        };
        if position.is_listed {
            if !sql::nodes::acknowledge_alone(database, &row).await? {
                // The row was removed. The next read looks for it, however long that takes: until then no process waits for this one.
                self.position.send_replace(None);
            }
            return Ok(());
        }
        registration.number += 1;
        row.registration = registration.number;
        let mut connection = database.begin_own().await?;
        connection.make_durable().await?;
        sql::nodes::register(&mut connection, &row).await?;
        // A new row has acknowledged nothing.
        sql::nodes::acknowledge(&mut connection, &row).await?;
        connection.commit().await
    }

    /// Deletes the row. The view must be closed for good.
    pub(crate) async fn leave(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let mut registration = self.registration.lock().await;
        if !registration.has_left {
            sql::nodes::delete(connection, self.id()).await?;
            registration.has_left = true;
        }
        Ok(())
    }
}

/// Returns the name of the machine and the number of this process.
fn name() -> String {
    let machine = fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| fs::read_to_string("/etc/hostname"));
    let machine = machine.unwrap_or_default();
    let machine: String = machine
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(64)
        .collect();
    match machine.is_empty() {
        true => format!("process {}", std::process::id()),
        false => format!("{machine}:{}", std::process::id()),
    }
}
