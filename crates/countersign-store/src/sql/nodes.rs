//! The nodes: processes that follow the change log to authenticate requests. The rules are in [`nodes`](crate::nodes).

use std::time::Duration;

use countersign::Id;

use super::rows::{blob, flag, id, optional_blob, optional_id, time, unsigned};
use super::{Connection, Database, IntoValue as _, Row, Statement, Value, changes};
use crate::error::{Result, corrupt};
use crate::records::NodeRecord;
use crate::sql::changes::LogHead;

/// Inserts the row of a node, or ends its removal if the row is still there. The number of the registration must be a new
/// one. The bound of a row is never lowered: the node may still decide with what it knows under the higher one.
pub(crate) async fn register(db: &mut Connection, node: &NodeRecord) -> Result<()> {
    execute!(
        db,
        concat!(
            "INSERT INTO nodes (id, name, registration, leaving, serves_stale, max_staleness, applied, view_age,
             started_at, seen_at)
         VALUES ($1, $2, $3, 0, $4, $5, 0, 0, $6, $7)
         ON CONFLICT (id) DO UPDATE SET registration = excluded.registration, leaving = 0,
             seen_at = excluded.seen_at, max_staleness = ",
            greatest!("nodes.max_staleness", "excluded.max_staleness"),
        ),
        blob(&node.id),
        &node.name,
        node.registration,
        node.serves_stale,
        millis(node.max_staleness),
        node.started_at.unix_millis(),
        node.seen_at.unix_millis(),
    );
    Ok(())
}

/// Writes what a node has applied, and renews its row. Returns whether it has one.
pub(crate) async fn acknowledge(db: &mut Connection, node: &NodeRecord) -> Result<bool> {
    Ok(db.execute(ACKNOWLEDGE, &acknowledgement(node)).await? > 0)
}

/// Does this in a transaction of its own, which does not wait until it is durable.
pub(crate) async fn acknowledge_alone(database: &Database, node: &NodeRecord) -> Result<bool> {
    let statement = (ACKNOWLEDGE, &acknowledgement(node)[..]);
    Ok(database.write_own(statement).await? > 0)
}

const ACKNOWLEDGE: &str =
    "UPDATE nodes SET epoch = $1, applied = $2, view_age = $3, seen_at = $4 WHERE id = $5";

fn acknowledgement(node: &NodeRecord) -> [Value<'_>; 5] {
    [
        optional_blob(node.epoch.as_ref()).into_value(),
        node.applied.into_value(),
        millis(node.view_age).into_value(),
        node.seen_at.unix_millis().into_value(),
        blob(&node.id).into_value(),
    ]
}

const LIST: &str = "
    SELECT id, name, registration, leaving, serves_stale, max_staleness, epoch, applied, view_age, started_at, seen_at
    FROM nodes ORDER BY started_at, id";

/// Returns the head of the log and all nodes, as they are at one moment.
pub(crate) async fn head_and_list(database: &Database) -> Result<(LogHead, Vec<NodeRecord>)> {
    let queries: [Statement<'_>; 2] = [(changes::HEAD, &[]), (LIST, &[])];
    let mut rows = database.read_together(&queries).await?.into_iter();
    let head = rows.next().unwrap_or_default();
    let Some(head) = head.first() else {
        return corrupt("the head of the change log");
    };
    let nodes = rows.next().unwrap_or_default();
    let nodes = nodes.iter().map(read).collect::<Result<_>>()?;
    Ok((changes::read_head(head)?, nodes))
}

pub(crate) async fn list(db: &mut Connection) -> Result<Vec<NodeRecord>> {
    Ok(fetch_all!(db, read, LIST))
}

/// Begins the removal of a node, unless it has renewed its row since it was read. Returns whether it has begun.
pub(crate) async fn mark_leaving(db: &mut Connection, node: &NodeRecord) -> Result<bool> {
    let written = execute!(
        db,
        "UPDATE nodes SET leaving = 1 WHERE id = $1 AND registration = $2 AND seen_at = $3",
        blob(&node.id),
        node.registration,
        node.seen_at.unix_millis(),
    );
    Ok(written > 0)
}

/// Ends the removal of a node, unless it has registered again since it was read.
pub(crate) async fn remove(db: &mut Connection, node: &NodeRecord) -> Result<()> {
    execute!(
        db,
        "DELETE FROM nodes WHERE id = $1 AND registration = $2 AND leaving = 1",
        blob(&node.id),
        node.registration,
    );
    Ok(())
}

/// Deletes the row of a node that decides nothing any more.
pub(crate) async fn delete(db: &mut Connection, node: &Id) -> Result<()> {
    execute!(db, "DELETE FROM nodes WHERE id = $1", blob(node));
    Ok(())
}

/// Deletes all rows.
pub(crate) async fn delete_all(db: &mut Connection) -> Result<()> {
    execute!(db, "DELETE FROM nodes");
    Ok(())
}

fn read(row: &Row) -> Result<NodeRecord> {
    Ok(NodeRecord {
        id: id(row, "id")?,
        name: row.try_get("name")?,
        is_leaving: flag(row, "leaving")?,
        applied: row.try_get("applied")?,
        view_age: duration(row, "view_age")?,
        seen_at: time(row, "seen_at")?,
        started_at: time(row, "started_at")?,
        max_staleness: duration(row, "max_staleness")?,
        serves_stale: flag(row, "serves_stale")?,
        registration: row.try_get("registration")?,
        epoch: optional_id(row, "epoch")?,
    })
}

fn duration(row: &Row, column: &str) -> Result<Duration> {
    Ok(Duration::from_millis(unsigned(row, column)?))
}

/// Rounds up: a bound that was shorter than the node's own would be too short.
fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX)
}
