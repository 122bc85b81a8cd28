//! Finding what was done to the log behind the program's back.

use std::cmp::Ordering;

use futures_util::TryStreamExt as _;
use sqlx::sqlite::{Sqlite, SqliteConnection, SqliteRow};
use sqlx::{Connection as _, Decode, Row as _, Type};

use super::chain::{AuditKey, End, Link};
use super::checkpoint::Checkpoint;
use super::head::Head;
use crate::error::StoreError;

/// What the audit log was found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verified {
    /// Every record is as it was written, and none is missing.
    Intact {
        /// How many there are.
        records: i64,
        /// How far it goes, to be kept elsewhere.
        checkpoint: Checkpoint,
    },
    /// It was tampered with.
    Broken {
        /// The lowest number at which it is not what was written. All records below are genuine, and
        /// follow each other; after a rollback the last of them may be the abandoned history's.
        number: i64,
        /// What became of that record, to be read after its number.
        what: &'static str,
    },
}

const REMOVED: &str = "was removed";
const PUT_IN: &str = "was put in";
/// Which of these it was cannot be told: the record does not follow the one before it.
const CHANGED: &str = "was changed, moved or put in";
const END_CHANGED: &str =
    "may be missing: the end of the log, which is kept beside it, was changed or removed";
const OTHER_HISTORY: &str = "or one before it is not the one that the checkpoint vouches for: the log was begun anew from there";

/// Reads the whole log, one record at a time, and compares it with its head and with `since`.
///
/// The log is read as it is at one moment: on a connection that others wait for they wait until the
/// end.
pub(crate) async fn verify(
    connection: &mut SqliteConnection,
    key: &AuditKey,
    since: Option<&Checkpoint>,
) -> Result<Verified, StoreError> {
    // Otherwise what is appended after the head was read would be taken for forged.
    let mut transaction = connection.begin().await?;
    let verified = walk(&mut transaction, key, since).await?;
    transaction.rollback().await?;
    Ok(verified)
}

async fn walk(
    connection: &mut SqliteConnection,
    key: &AuditKey,
    since: Option<&Checkpoint>,
) -> Result<Verified, StoreError> {
    let head = Head::find(&mut *connection).await?;
    let is_end = |end: &End| head.as_ref().is_some_and(|head| head.closes(end, key));
    let is_other = |end: &End| {
        since.is_some_and(|since| since.number() == end.number && !since.is_of(end, key))
    };

    let mut end = End::GENESIS;
    if is_other(&end) {
        return Ok(broken(1, OTHER_HISTORY));
    }
    let mut rows = sqlx::query(
        "SELECT number, at, actor, request_id, action, account_id, entity, detail, mac
         FROM audit ORDER BY number",
    )
    .fetch(connection);
    while let Some(row) = rows.try_next().await? {
        let expected = end.number.saturating_add(1);
        // What cannot even be read is not what was written, whatever else it may be.
        let number = read(&row, "number").unwrap_or(expected);
        match number.cmp(&expected) {
            Ordering::Less => return Ok(broken(number, PUT_IN)),
            Ordering::Greater if is_end(&end) => return Ok(broken(number, PUT_IN)),
            Ordering::Greater => return Ok(broken(expected, REMOVED)),
            Ordering::Equal => {}
        }
        let Some(next) = follow(&end, &row, key) else {
            return Ok(broken(number, CHANGED));
        };
        end = next;
        if is_other(&end) {
            return Ok(broken(number, OTHER_HISTORY));
        }
    }

    let missing = end.number.saturating_add(1);
    let known = head
        .as_ref()
        .map(Head::number)
        .max(since.map(Checkpoint::number));
    if known.is_some_and(|known| known > end.number) {
        return Ok(broken(missing, REMOVED));
    }
    if !is_end(&end) {
        return Ok(broken(missing, END_CHANGED));
    }
    Ok(Verified::Intact {
        records: end.number,
        checkpoint: Checkpoint::of(&end, key),
    })
}

/// The chain's end after `row`, if it is the record that followed.
fn follow(end: &End, row: &SqliteRow, key: &AuditKey) -> Option<End> {
    let link = Link {
        number: read(row, "number")?,
        at: read(row, "at")?,
        actor: read(row, "actor")?,
        request_id: row.try_get("request_id").ok()?,
        action: read(row, "action")?,
        account: row.try_get("account_id").ok()?,
        entity: row.try_get("entity").ok()?,
        detail: read(row, "detail")?,
    };
    let mac: &[u8] = read(row, "mac")?;
    key.of_record(&end.mac, &link).is(mac).then_some(End {
        number: link.number,
        mac: mac.try_into().ok()?,
    })
}

/// What must be there. The driver alone would take NULL for zero, and for an empty text: whoever makes
/// the table anew need not forbid it.
fn read<'r, T>(row: &'r SqliteRow, column: &str) -> Option<T>
where
    T: Decode<'r, Sqlite> + Type<Sqlite>,
{
    row.try_get(column).ok().flatten()
}

const fn broken(number: i64, what: &'static str) -> Verified {
    Verified::Broken { number, what }
}
