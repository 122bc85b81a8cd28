//! Encoding and decoding of columns.

use std::str::FromStr;

use countersign::Id;
use countersign::directory::{EnvironmentKind, Status};
use countersign::time::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::error::{Result, corrupt};

pub(super) const fn blob(id: &Id) -> &[u8] {
    id.as_bytes().as_slice()
}

pub(super) fn optional_blob(id: Option<&Id>) -> Option<&[u8]> {
    id.map(blob)
}

pub(super) fn id(row: &SqliteRow, column: &str) -> Result<Id> {
    id_from(row.try_get(column)?)
}

pub(super) fn optional_id(row: &SqliteRow, column: &str) -> Result<Option<Id>> {
    let bytes: Option<&[u8]> = row.try_get(column)?;
    bytes.map(id_from).transpose()
}

fn id_from(bytes: &[u8]) -> Result<Id> {
    let bytes = bytes.try_into();
    bytes
        .map(Id::from_bytes)
        .or_else(|_| corrupt("the length of an id"))
}

pub(super) fn time(row: &SqliteRow, column: &str) -> Result<Timestamp> {
    Ok(Timestamp::from_unix_millis(row.try_get(column)?))
}

pub(super) fn optional_time(row: &SqliteRow, column: &str) -> Result<Option<Timestamp>> {
    let millis: Option<i64> = row.try_get(column)?;
    Ok(millis.map(Timestamp::from_unix_millis))
}

/// Parses a text column. `what` names the value in the error.
pub(super) fn parsed<T: FromStr>(row: &SqliteRow, column: &str, what: &'static str) -> Result<T> {
    let text: &str = row.try_get(column)?;
    text.parse().or_else(|_| corrupt(what))
}

/// Finds the value that is stored as the text of a column. `what` names the value in the error.
pub(super) fn one_of<T: Copy>(
    row: &SqliteRow,
    column: &str,
    values: &[T],
    as_str: fn(T) -> &'static str,
    what: &'static str,
) -> Result<T> {
    let text: &str = row.try_get(column)?;
    let found = values.iter().find(|value| as_str(**value) == text);
    found.copied().map_or_else(|| corrupt(what), Ok)
}

pub(super) fn status(row: &SqliteRow) -> Result<Status> {
    let all = [Status::Active, Status::Suspended, Status::Revoked];
    one_of(row, "status", &all, Status::as_str, "a status")
}

pub(super) fn environment_kind(row: &SqliteRow, column: &str) -> Result<EnvironmentKind> {
    let all = [EnvironmentKind::Sandbox, EnvironmentKind::Production];
    let what = "the kind of an environment";
    one_of(row, column, &all, EnvironmentKind::as_str, what)
}
