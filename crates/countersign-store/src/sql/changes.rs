//! The change log.

use countersign::Id;

use super::rows::{blob, id};
use super::{Connection, Row};
use crate::error::{Result, corrupt};
use crate::records::ChangedEntity;

/// The extent of the change log.
#[derive(Clone, Copy)]
pub(crate) struct LogHead {
    /// The history that the numbers belong to.
    pub(crate) epoch: Id,
    /// The number of the last change.
    pub(crate) number: i64,
    /// The number of the oldest change that is still in the log.
    pub(crate) oldest: i64,
}

impl LogHead {
    /// Returns whether the log ended at an earlier head before. Otherwise it is another history: a backup was restored, or
    /// changes were lost.
    pub(crate) fn continues(&self, earlier: &Self) -> bool {
        self.epoch == earlier.epoch && self.number >= earlier.number
    }
}

/// Reads the head.
pub(super) const HEAD: &str = "SELECT number, epoch, oldest_change FROM change_head, state";

pub(crate) async fn head(db: &mut Connection) -> Result<LogHead> {
    read_head(&fetch_one!(db, HEAD))
}

/// Appends a change. Call it at the end of the transaction, so that the order of numbers is the order of commits.
pub(crate) async fn append(db: &mut Connection, entity: &ChangedEntity) -> Result<()> {
    let (kind, id): (_, &[u8]) = match entity {
        ChangedEntity::Credential(id) => ("credential", blob(id)),
        ChangedEntity::CreatedTokens(id) => ("created_tokens", blob(id)),
        ChangedEntity::Account(id) => ("account", blob(id)),
        ChangedEntity::Denial(id) => ("denial", blob(id)),
        ChangedEntity::SigningKey(id) => ("signing_key", blob(id)),
        ChangedEntity::Peppers => ("pepper", &[]),
        ChangedEntity::Node(id) => ("node", blob(id)),
    };
    let query =
        "INSERT INTO changes (number, kind, entity) SELECT number + 1, $1, $2 FROM change_head";
    execute!(db, query, kind, id);
    execute!(db, "UPDATE change_head SET number = number + 1");
    Ok(())
}

pub(crate) async fn count_after(db: &mut Connection, number: i64) -> Result<i64> {
    Ok(fetch_scalar!(
        db,
        "SELECT count(*) FROM changes WHERE number > $1",
        number
    ))
}

/// Deletes all but the last `count` changes.
pub(crate) async fn trim(db: &mut Connection, count: i64) -> Result<()> {
    execute!(
        db,
        "UPDATE state SET oldest_change = (SELECT number FROM change_head) - $1 + 1
         WHERE oldest_change < (SELECT number FROM change_head) - $1 + 1",
        count,
    );
    execute!(
        db,
        "DELETE FROM changes WHERE number < (SELECT oldest_change FROM state)"
    );
    Ok(())
}

/// Begins a new history. Numbers continue, and belong to the new history.
pub(crate) async fn begin_epoch(db: &mut Connection, epoch: &Id) -> Result<()> {
    execute!(
        db,
        "UPDATE state SET epoch = $1, oldest_change = (SELECT number + 1 FROM change_head)",
        blob(epoch),
    );
    execute!(db, "DELETE FROM changes");
    Ok(())
}

pub(super) fn read_head(row: &Row) -> Result<LogHead> {
    Ok(LogHead {
        epoch: id(row, "epoch")?,
        number: row.try_get("number")?,
        oldest: row.try_get("oldest_change")?,
    })
}

pub(super) fn read(row: &Row) -> Result<ChangedEntity> {
    let id = || id(row, "entity");
    Ok(match row.try_get("kind")? {
        "credential" => ChangedEntity::Credential(id()?),
        "created_tokens" => ChangedEntity::CreatedTokens(id()?),
        "account" => ChangedEntity::Account(id()?),
        "denial" => ChangedEntity::Denial(id()?),
        "signing_key" => ChangedEntity::SigningKey(id()?),
        "pepper" => ChangedEntity::Peppers,
        "node" => ChangedEntity::Node(id()?),
        _ => return corrupt("the kind of a change"),
    })
}
