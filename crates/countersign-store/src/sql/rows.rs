//! Encoding and decoding of columns.

use std::str::FromStr;

use countersign::Id;
use countersign::directory::{EnvironmentKind, Status};
use countersign::time::Timestamp;

use super::Row;
use crate::error::{Result, corrupt};

pub(crate) const fn blob(id: &Id) -> &[u8] {
    id.as_bytes().as_slice()
}

pub(crate) fn optional_blob(id: Option<&Id>) -> Option<&[u8]> {
    id.map(blob)
}

pub(crate) fn id(row: &Row, column: &str) -> Result<Id> {
    id_from(&row.try_get_bytes(column)?.unwrap_or_default())
}

pub(crate) fn optional_id(row: &Row, column: &str) -> Result<Option<Id>> {
    let bytes = row.try_get_bytes(column)?;
    bytes.map(|bytes| id_from(&bytes)).transpose()
}

/// Decodes an integer that is never negative, such as a generation.
pub(crate) fn unsigned<T: TryFrom<i64>>(row: &Row, column: &str) -> Result<T> {
    let number: i64 = row.try_get(column)?;
    number.try_into().or_else(|_| corrupt("a number"))
}

/// Decodes a column that is 0 or 1.
pub(crate) fn flag(row: &Row, column: &str) -> Result<bool> {
    let number: i64 = row.try_get(column)?;
    Ok(number != 0)
}

fn id_from(bytes: &[u8]) -> Result<Id> {
    let bytes = bytes.try_into();
    bytes
        .map(Id::from_bytes)
        .or_else(|_| corrupt("the length of an id"))
}

pub(crate) fn time(row: &Row, column: &str) -> Result<Timestamp> {
    Ok(Timestamp::from_unix_millis(row.try_get(column)?))
}

pub(crate) fn optional_time(row: &Row, column: &str) -> Result<Option<Timestamp>> {
    let millis: Option<i64> = row.try_get(column)?;
    Ok(millis.map(Timestamp::from_unix_millis))
}

/// Parses a text column. `what` names the value in the error.
pub(crate) fn parsed<T: FromStr>(row: &Row, column: &str, what: &'static str) -> Result<T> {
    let text: &str = row.try_get(column)?;
    text.parse().or_else(|_| corrupt(what))
}

/// Finds the value that is stored as the text of a column. `what` names the value in the error.
pub(crate) fn one_of<T: Copy>(
    row: &Row,
    column: &str,
    values: &[T],
    as_str: fn(T) -> &'static str,
    what: &'static str,
) -> Result<T> {
    let text: &str = row.try_get(column)?;
    let found = values.iter().find(|value| as_str(**value) == text);
    found.copied().map_or_else(|| corrupt(what), Ok)
}

pub(crate) fn status(row: &Row) -> Result<Status> {
    let all = [Status::Active, Status::Suspended, Status::Revoked];
    one_of(row, "status", &all, Status::as_str, "a status")
}

pub(crate) fn environment_kind(row: &Row, column: &str) -> Result<EnvironmentKind> {
    let all = [EnvironmentKind::Sandbox, EnvironmentKind::Production];
    let what = "the kind of an environment";
    one_of(row, column, &all, EnvironmentKind::as_str, what)
}
