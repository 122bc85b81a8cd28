//! What a view lacks: the changes after those that it has, and the records that they name.

use countersign::Id;
use countersign::directory::Denial;
use countersign::registry::backend::StoredCredential;

use super::changes::LogHead;
use super::rows::{flag, optional_blob};
use super::{Connection, IntoValue as _, Row, Statement, changes, credentials, denials};
use crate::error::{Result, corrupt};
use crate::records::ChangedEntity;

/// What is read at most once a comparison, so that the memory for it is limited.
const MOST: i64 = most_changes!();
const HEAD: &str = "
    SELECT number, epoch, oldest_change, (SELECT count(*) FROM nodes WHERE id = $1 AND leaving = 0) AS listed
    FROM change_head, state";
const CHANGES: &str = concat!(
    "SELECT kind, entity FROM changes WHERE number > $1 AND number <= $1 + ",
    most_changes!(),
    " ORDER BY number"
);

/// The head of the log and what leads to it, as they are at one moment.
pub(crate) struct Delta {
    pub(crate) head: LogHead,
    /// Whether the node is there, and not leaving.
    pub(crate) is_listed: bool,
    /// The changes in their order, of which the last ones are missing if there are many.
    pub(crate) changes: Vec<ChangedEntity>,
    /// The denials of the credentials, the accounts and the tokens that have changed.
    pub(crate) denials: Vec<Denial>,
    /// The credentials that have changed, and were not deleted.
    pub(crate) credentials: Vec<StoredCredential>,
}

impl Delta {
    /// Returns the head that the view has after these changes.
    pub(crate) fn reached(&self, applied: &LogHead) -> Result<LogHead> {
        let count = (self.head.number - applied.number).min(MOST);
        // Numbers are dense: this finds a change that was removed, and a log that was reset.
        if i64::try_from(self.changes.len()).ok() != Some(count) {
            return corrupt("the change log has a gap");
        }
        Ok(LogHead {
            number: applied.number + count,
            ..self.head
        })
    }
}

/// Returns the head of the log, and whether a node is there and not leaving.
pub(crate) async fn head(db: &mut Connection, node: Option<&Id>) -> Result<(LogHead, bool)> {
    read_head(&fetch_one!(db, HEAD, optional_blob(node)))
}

/// Returns what a view lacks that has all changes up to a number. Without credentials if it holds none.
pub(crate) async fn after(
    db: &mut Connection,
    number: i64,
    node: Option<&Id>,
    has_credentials: bool,
) -> Result<Delta> {
    let (node, number) = ([optional_blob(node).into_value()], [number.into_value()]);
    let queries: [Statement<'_>; 4] = [
        (HEAD, &node),
        (CHANGES, &number),
        (denials::CHANGED, &number),
        (credentials::CHANGED, &number),
    ];
    let asked = queries.get(..3).filter(|_| !has_credentials);
    let mut rows = db
        .fetch_together(asked.unwrap_or(&queries))
        .await?
        .into_iter();
    let mut next = || rows.next().unwrap_or_default();
    let Some(head) = next().first().map(read_head).transpose()? else {
        return corrupt("the head of the change log");
    };
    let (head, is_listed) = head;
    let changes = next().iter().map(changes::read).collect::<Result<_>>()?;
    let denials = next().iter().map(denials::read).collect::<Result<_>>()?;
    let credentials = next()
        .iter()
        .map(credentials::read)
        .collect::<Result<_>>()?;
    Ok(Delta {
        head,
        is_listed,
        changes,
        denials,
        credentials,
    })
}

fn read_head(row: &Row) -> Result<(LogHead, bool)> {
    Ok((changes::read_head(row)?, flag(row, "listed")?))
}
