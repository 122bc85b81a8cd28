//! Several statements in one message. PostgreSQL runs them in one transaction, and rolls it back after an error; a pooler sends all of
//! them on one connection. A journey to the server and back costs more than a statement that reads a few rows, and a statement with
//! parameters that leaves nothing behind on the connection takes two.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::mem;

use futures_util::TryStreamExt as _;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Either};

use crate::sql::{Row, Statement, Value};

/// The statements that are prepared on a connection, with the numbers in their names. To parse and plan them takes the server several
/// times as long as to execute them.
#[derive(Default)]
pub(crate) struct Prepared(HashMap<&'static str, usize>);

/// A prepared statement is planned once, whatever its values. The plan stays until the tables are analyzed, and they may grow before:
/// it uses indexes where there are any. A table of one row has none, and would be taken for expensive enough to compile the plan.
const PLANNED_ONCE: &str = "
    SET LOCAL plan_cache_mode = force_generic_plan;
    SET LOCAL enable_seqscan = off;
    SET LOCAL jit = off;";

/// A transaction that consists of a script. One that changes what others read begins with a statement of its own, which takes the lock of
/// all changes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whole {
    Read,
    /// Writes rows of this process only. The commit does not wait for the disk.
    WriteOwn,
}

/// Returns a script of statements. `whole`: with the settings of their transaction, unless they are part of one that has begun.
/// `prepared`: with those prepared that are not yet, and executed by their names.
pub(crate) fn script(
    whole: Option<Whole>,
    statements: &[Statement<'_>],
    prepared: Option<&mut Prepared>,
) -> String {
    let mut script = String::from(match whole {
        None => "",
        Some(Whole::Read) => {
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
             SET LOCAL statement_timeout = '10s';"
        }
        // See `begin_statement`.
        Some(Whole::WriteOwn) => {
            "SET LOCAL lock_timeout = '2s';
             SET LOCAL statement_timeout = '5s';
             SET LOCAL synchronous_commit = off;"
        }
    });
    let Some(names) = prepared.map(|prepared| &mut prepared.0) else {
        for (sql, values) in statements {
            push(&mut script, sql, values);
            script.push(';');
        }
        return script;
    };
    if whole == Some(Whole::Read) {
        script.push_str(PLANNED_ONCE);
    }
    // Writing to a string does not fail.
    for (sql, values) in statements {
        if !names.contains_key(sql) {
            let types = values.iter().map(|value| match value {
                Value::Integer(_) => "bigint",
                Value::Text(_) => "text",
                Value::Bytes(_) => "bytea",
            });
            let types = in_brackets(types.map(str::to_owned));
            let _ = write!(script, "PREPARE s{} {types} AS {sql};", names.len());
            names.insert(sql, names.len());
        }
    }
    for (sql, values) in statements {
        let values = in_brackets(values.iter().map(|value| {
            let mut text = String::new();
            push_value(&mut text, Some(value));
            text
        }));
        let name = names.get(sql).copied().unwrap_or_default();
        let _ = write!(script, "EXECUTE s{name} {values};");
    }
    script
}

/// Returns a list in brackets; nothing if it is empty.
fn in_brackets(items: impl Iterator<Item = String>) -> String {
    let items: Vec<_> = items.collect();
    match items.is_empty() {
        true => String::new(),
        false => format!("({})", items.join(", ")),
    }
}

/// Runs a script, and returns the rows of each of its last `count` statements.
pub(crate) async fn fetch_script(
    db: &mut PgConnection,
    script: String,
    count: usize,
) -> sqlx::Result<Vec<Vec<Row>>> {
    let script = sqlx::raw_sql(AssertSqlSafe(script));
    let mut results = script.fetch_many(db);
    let (mut all, mut rows) = (Vec::new(), Vec::new());
    while let Some(result) = results.try_next().await? {
        match result {
            Either::Left(_) => all.push(mem::take(&mut rows)),
            Either::Right(row) => rows.push(Row::Postgres(row)),
        }
    }
    let settings = all.len().saturating_sub(count);
    Ok(all.split_off(settings))
}

/// Writes a statement with its values in place of its parameters.
fn push(script: &mut String, sql: &str, values: &[Value<'_>]) {
    for (index, part) in sql.split('$').enumerate() {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        match part.split_at_checked(digits) {
            Some((number, rest)) if index > 0 => {
                let number = number.parse().unwrap_or(0_usize);
                let value = number.checked_sub(1).and_then(|index| values.get(index));
                push_value(script, value);
                script.push_str(rest);
            }
            _ => script.push_str(part),
        }
    }
}

/// Writes a value. Bytes and text are written as hexadecimal digits, so that nothing in them can be a part of the statement.
fn push_value(script: &mut String, value: Option<&Value<'_>>) {
    let hex = |script: &mut String, bytes: &[u8]| {
        script.push_str("decode('");
        for byte in bytes {
            // Writing to a string does not fail.
            let _ = write!(script, "{byte:02x}");
        }
        script.push_str("', 'hex')");
    };
    match value {
        Some(Value::Integer(Some(number))) => {
            let _ = write!(script, "({number})::bigint");
        }
        Some(Value::Bytes(Some(bytes))) => hex(script, bytes),
        Some(Value::Text(Some(text))) => {
            script.push_str("convert_from(");
            hex(script, text.as_bytes());
            script.push_str(", 'UTF8')");
        }
        _ => script.push_str("NULL"),
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Connection as _;

    use super::*;
    use crate::sql::{Connection, Held, IntoValue as _};

    #[test]
    fn values_take_the_place_of_parameters() {
        let values = [
            (-5_i64).into_value(),
            [0xab_u8, 1].as_slice().into_value(),
            Option::<i64>::None.into_value(),
        ];
        let statements = [("SELECT $2, $1 + $1", &values[..]), ("SELECT $3", &values)];
        assert_eq!(
            script(None, &statements, None),
            "SELECT decode('ab01', 'hex'), (-5)::bigint + (-5)::bigint;SELECT NULL;"
        );
    }

    #[tokio::test]
    async fn values_are_those_that_a_statement_with_parameters_reads() {
        let url = countersign_test_postgres::new_database();
        let connection = PgConnection::connect(&url).await.unwrap();
        let mut db = Connection::Postgres(Held::Own(connection));
        let (text, bytes) = ("a'b\\c $1 \u{1f511}", [0_u8, 39, 92, 255]);
        let values = [
            i64::MIN.into_value(),
            text.into_value(),
            bytes.as_slice().into_value(),
        ];
        let query = "SELECT $1 AS number, $2 AS text, $3 AS bytes";
        for rows in [
            vec![db.fetch_one(query, &values).await.unwrap()],
            db.fetch_together(&[(query, &values)])
                .await
                .unwrap()
                .remove(0),
        ] {
            assert_eq!(rows[0].try_get::<i64>("number").unwrap(), i64::MIN);
            assert_eq!(rows[0].try_get::<String>("text").unwrap(), text);
            assert_eq!(*rows[0].try_get_bytes("bytes").unwrap().unwrap(), bytes);
        }
    }

    #[tokio::test]
    async fn prepared_statements_are_executed_with_other_values_and_in_any_order() {
        let url = countersign_test_postgres::new_database();
        let connection = PgConnection::connect(&url).await.unwrap();
        let mut db = Connection::Postgres(Held::Direct(connection, Prepared::default()));
        let (sum, one) = ("SELECT $1 + $2 AS found", "SELECT 1::bigint AS found");
        let found = |rows: &[Vec<Row>]| -> Vec<i64> {
            let rows = rows.iter().flatten();
            rows.map(|row| row.try_get("found").unwrap()).collect()
        };
        for number in [5_i64, 6] {
            let values = [number.into_value(), 1_i64.into_value()];
            let queries: [Statement<'_>; 2] = [(sum, &values), (one, &[])];
            let rows = db.fetch_together(&queries).await.unwrap();
            assert_eq!(found(&rows), [number + 1, 1]);
            let rows = db.fetch_together(&[(one, &[])]).await.unwrap();
            assert_eq!(found(&rows), [1]);
        }
        let prepared = "SELECT count(*) AS found FROM pg_prepared_statements";
        let rows = db.fetch_together(&[(prepared, &[])]).await.unwrap();
        assert_eq!(found(&rows), [3]);
    }

    #[tokio::test]
    async fn queries_are_answered_from_one_moment_and_an_error_leaves_no_transaction_behind() {
        let url = countersign_test_postgres::new_database();
        let connection = PgConnection::connect(&url).await.unwrap();
        let mut db = Connection::Postgres(Held::Own(connection));
        let isolation = "SELECT current_setting('transaction_isolation') AS found";
        let queries: [Statement<'_>; 2] = [(isolation, &[]), ("SELECT 1 WHERE false", &[])];
        let rows = db.fetch_together(&queries).await.unwrap();
        assert_eq!(rows.len(), 2);
        assert!(rows[1].is_empty());
        let found: String = rows[0][0].try_get("found").unwrap();
        assert_eq!(found, "repeatable read");
        assert!(db.fetch_together(&[("SELECT 1 / 0", &[])]).await.is_err());
        let found: String = db.fetch_scalar(isolation, &[]).await.unwrap();
        assert_eq!(found, "read committed");
    }
}
