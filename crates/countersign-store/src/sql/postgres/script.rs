//! Several statements in one message. PostgreSQL runs them in one transaction, and rolls it back after an error; a pooler sends all of
//! them on one connection. A journey to the server and back costs more than a statement that reads a few rows, and a statement with
//! parameters that leaves nothing behind on the connection takes two.

use std::fmt::Write as _;
use std::mem;

use futures_util::TryStreamExt as _;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Either};

use crate::sql::{Access, Row, Statement, Value};

/// Returns a script of statements. `access`: with the settings of their transaction, unless they are part of one that has begun.
pub(crate) fn script(access: Option<Access>, statements: &[Statement<'_>]) -> String {
    let mut script = String::from(match access {
        None => "",
        Some(Access::Read | Access::ReadAll) => {
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
             SET LOCAL statement_timeout = '10s';"
        }
        // See `begin_statement`.
        Some(Access::Write | Access::WriteOwn) => {
            "SET LOCAL lock_timeout = '2s';
             SET LOCAL statement_timeout = '5s';
             SET LOCAL synchronous_commit = off;"
        }
    });
    for (sql, values) in statements {
        push(&mut script, sql, values);
        script.push(';');
    }
    script
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
            script(None, &statements),
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
