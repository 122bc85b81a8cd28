//! Copies of all rows from one database to another.

use sqlx::AssertSqlSafe;

use super::schema::TABLES;
use super::value::{IntoValue as _, Value};
use super::{Connection, Row};
use crate::error::{Result, corrupt};

/// How many rows are read at once.
const PAGE: i64 = 500;
/// The tables that say who uses a database, not what is in it.
const OMITTED: [&str; 1] = ["nodes"];

/// Copies the rows of all tables into empty ones, and returns how many there are. The contents of columns stay the same, the
/// numbers of rows do not.
pub(crate) async fn all(from: &mut Connection, to: &mut Connection) -> Result<u64> {
    // The only table whose row is created with it.
    execute!(to, "DELETE FROM change_head");
    let mut copied = 0;
    // In their order, so that a row comes after those that it refers to.
    for table in tables().filter(|table| !OMITTED.contains(table)) {
        copied += copy(from, to, table).await?;
    }
    Ok(copied)
}

/// Returns the names of the tables.
fn tables() -> impl Iterator<Item = &'static str> {
    let lines = TABLES.lines();
    lines.filter_map(|line| line.strip_prefix("CREATE TABLE ")?.strip_suffix(" ("))
}

/// Copies one table in pages. Its key is its first column, or the first two.
async fn copy(from: &mut Connection, to: &mut Connection, table: &str) -> Result<u64> {
    let mut select = format!("SELECT * FROM {table} ORDER BY 1, 2 LIMIT $1");
    let mut after: Vec<Value<'static>> = Vec::new();
    let mut copied = 0;
    loop {
        let mut values = vec![PAGE.into_value()];
        values.append(&mut after);
        // The names are those of the schema.
        let rows = from
            .fetch_all(AssertSqlSafe(select.clone()), &values)
            .await?;
        for row in &rows {
            let columns = columns(row)?;
            let names: Vec<_> = columns.iter().map(|(name, _)| &**name).collect();
            let parameters: Vec<_> = (1..=names.len()).map(|i| format!("${i}")).collect();
            let (list, marks) = (names.join(", "), parameters.join(", "));
            let insert = format!("INSERT INTO {table} ({list}) VALUES ({marks})");
            let values: Vec<_> = columns.into_iter().map(|(_, value)| value).collect();
            copied += to.execute(AssertSqlSafe(insert), &values).await?;
        }
        let is_last = i64::try_from(rows.len()).is_ok_and(|count| count < PAGE);
        let Some(last) = rows.last().filter(|_| !is_last) else {
            return Ok(copied);
        };
        let mut key = columns(last)?;
        key.truncate(2);
        let names: Vec<_> = key.iter().map(|(name, _)| &**name).collect();
        let names = names.join(", ");
        select = format!("SELECT * FROM {table} WHERE ({names}) > ($2, $3) ORDER BY 1, 2 LIMIT $1");
        after = key.into_iter().map(|(_, value)| value).collect();
    }
}

/// Returns the names and values of the columns of a row, without the number that PostgreSQL gives it.
fn columns(row: &Row) -> Result<Vec<(String, Value<'static>)>> {
    let columns = row
        .columns()
        .into_iter()
        .filter(|(name, _)| name != "rowid");
    let read = |(name, kind): (String, String)| {
        let value = match &*kind {
            "INTEGER" | "INT8" => Value::Integer(row.try_get(&name)?),
            "TEXT" => Value::Text(row.try_get::<Option<String>>(&name)?.map(Into::into)),
            "BLOB" | "BYTEA" => {
                Value::Bytes(row.try_get::<Option<Vec<u8>>>(&name)?.map(Into::into))
            }
            _ => return corrupt("the type of a column"),
        };
        Ok((name, value))
    };
    columns.map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_those_of_the_schema() {
        let tables: Vec<_> = tables().collect();
        assert_eq!(tables.len(), TABLES.matches("CREATE TABLE").count());
        assert_eq!(tables.first(), Some(&"accounts"));
    }
}
