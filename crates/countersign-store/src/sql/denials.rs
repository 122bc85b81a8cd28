//! Denials, and the longest lifetimes, which decide how long they are stored.

use std::time::Duration;

use countersign::Id;
use countersign::directory::{Denial, DenySet};
use countersign::registry::backend::{CallerToken, SESSION_GENERATION};
use countersign::time::Timestamp;

use super::joined::Joined;
use super::rows::{blob, id, optional_blob, time};
use super::{Connection, Row};
use crate::error::{Result, corrupt};

/// Returns when the last access token will have expired that exists at `now`, whichever issuer minted it.
pub(crate) async fn until(db: &mut Connection, now: Timestamp) -> Result<Timestamp> {
    let seconds: i64 = fetch_scalar!(db, "SELECT largest_lifetime FROM state");
    Ok(now.plus(Duration::from_secs(seconds.unsigned_abs())))
}

/// Returns the longest lifetime of any signed token, managed tokens included.
pub(crate) async fn longest_signed(db: &mut Connection) -> Result<Duration> {
    let seconds: i64 = fetch_scalar!(db, "SELECT longest_signed FROM state");
    Ok(Duration::from_secs(seconds.unsigned_abs()))
}

/// Raises the longest lifetime of signed tokens, and that of access tokens too unless it is for managed tokens.
pub(crate) async fn allow_lifetime(
    db: &mut Connection,
    lifetime: Duration,
    managed: bool,
) -> Result<()> {
    execute!(
        db,
        concat!(
            "UPDATE state SET longest_signed = ",
            greatest!("longest_signed", "$1"),
            ", largest_lifetime = CASE WHEN $2 = 0 AND largest_lifetime < $1 THEN $1 ELSE largest_lifetime END
             WHERE longest_signed < $1 OR (largest_lifetime < $1 AND $2 = 0)"
        ),
        i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX),
        managed,
    );
    Ok(())
}

/// Returns the clause that keeps the higher generation and the later end of two denials of an entity.
macro_rules! later_end {
    () => {
        concat!(
            " ON CONFLICT (entity, issuer) DO UPDATE SET lowest_generation = ",
            greatest!("denials.lowest_generation", "excluded.lowest_generation"),
            ", until = ",
            greatest!("denials.until", "excluded.until"),
            ", until_uptime = ",
            greatest!("denials.until_uptime", "excluded.until_uptime")
        )
    };
}
pub(crate) use later_end;

/// The tokens of an entity that are denied.
#[derive(Clone, Copy)]
pub(crate) enum Denied<'a> {
    /// Those with a lower generation.
    Below(u32),
    /// The entity is a single token of this issuer.
    TokenOf(&'a str),
}

/// Denies tokens until the last of them has expired. The clock may be ahead, so that less time seems to be left than there
/// is: the database is open for at least the longest lifetime of an access token before the denial is deleted.
pub(crate) async fn insert(
    db: &mut Connection,
    entity: &Id,
    denied: Denied<'_>,
    until: Timestamp,
    now: Timestamp,
) -> Result<()> {
    let (issuer, lowest) = match denied {
        Denied::Below(lowest) => ("", Some(lowest)),
        Denied::TokenOf(issuer) => (issuer, None),
    };
    execute!(
        db,
        concat!(
            "INSERT INTO denials (entity, issuer, lowest_generation, until, until_uptime)
             VALUES ($1, $2, $3, $4, (SELECT uptime + ",
            greatest!("$4 - $5", "largest_lifetime * 1000"),
            " FROM state))",
            later_end!()
        ),
        blob(entity),
        issuer,
        lowest,
        until.unix_millis(),
        now.unix_millis(),
    );
    Ok(())
}

/// Returns whether a single token is denied until a time.
pub(crate) async fn is_token_denied(
    db: &mut Connection,
    issuer: &str,
    token: &Id,
    until: Timestamp,
) -> Result<bool> {
    Ok(fetch_scalar!(
        db,
        "SELECT EXISTS (SELECT 1 FROM denials WHERE entity = $1 AND issuer = $2 AND until >= $3)",
        blob(token),
        issuer,
        until.unix_millis(),
    ))
}

/// Returns whether a token is denied, by itself or with its session.
pub(crate) async fn denies(db: &mut Connection, token: &CallerToken) -> Result<bool> {
    Ok(fetch_scalar!(
        db,
        "SELECT EXISTS (SELECT 1 FROM denials WHERE entity = $1 AND issuer = $2)
         OR EXISTS (SELECT 1 FROM denials WHERE entity = $3 AND issuer = '' AND lowest_generation > $4)",
        blob(&token.id),
        &*token.issuer,
        optional_blob(token.session.as_ref()),
        SESSION_GENERATION,
    ))
}

/// Returns the statement that reads the denials to which a clause applies.
macro_rules! select {
    ($($clause:expr),+) => {
        concat!(
            "SELECT entity, issuer, lowest_generation, until FROM denials ",
            $($clause),+
        )
    };
}

/// Reads the denials of the entities among the changes after the number `$1`.
pub(super) const CHANGED: &str = select!(
    "WHERE entity ",
    changed!("'credential', 'account', 'denial'")
);

/// The numbers with which the bytes of a denial begin, each with a space behind it. The length of the issuer is the last.
macro_rules! numbers {
    () => {
        "lowest_generation, ' ', until, ' ', octet_length(issuer), ' '"
    };
}

/// SQLite joins all denials of a part of the table: a row is handed over to another thread. A part begins with an entity, and ends
/// before another one, so that all denials of an entity are in it.
const ALL: &str = concat!(
    "WITH RECURSIVE part (first, next) AS (
         SELECT NULL, (SELECT min(entity) FROM denials)
         UNION ALL
         SELECT next, (SELECT entity FROM denials WHERE entity > next ORDER BY entity LIMIT 1 OFFSET 255)
         FROM part WHERE next IS NOT NULL)
     SELECT (
         SELECT group_concat(concat(",
    numbers!(),
    ", entity, issuer), '')
         FROM denials WHERE entity >= first AND entity < coalesce(next, x'ffffffffffffffffffffffffffffffffffffffffff')
     ) FROM part WHERE first IS NOT NULL"
);
/// Each row is one denial.
#[cfg(feature = "postgres")]
const ALL_OF_POSTGRES: &str = concat!(
    "SELECT convert_to(concat(",
    numbers!(),
    "), 'UTF8') || entity || convert_to(issuer, 'UTF8') FROM denials"
);

/// Loads all denials, without having all of their rows in memory.
pub(crate) async fn load_all(db: &mut Connection, into: &DenySet) -> Result<()> {
    let all = match db {
        Connection::Sqlite(_) => ALL,
        #[cfg(feature = "postgres")]
        Connection::Postgres(_) => ALL_OF_POSTGRES,
    };
    let put = |row: &Row| {
        let mut joined = Joined(row.try_get_at(0)?);
        while !joined.is_empty() {
            let (lowest, until) = (joined.optional_number()?, joined.number()?);
            let (length, entity) = (joined.number()?, Id::from_bytes(joined.array()?));
            let (issuer, until) = (joined.text(length)?, Timestamp::from_unix_millis(until));
            into.deny(&denial(entity, issuer, lowest, until)?);
        }
        Ok(())
    };
    db.for_each(all, put).await
}

fn denial(entity: Id, issuer: &str, lowest: Option<i64>, until: Timestamp) -> Result<Denial> {
    match lowest.map(u32::try_from) {
        Some(Ok(lowest)) => Ok(Denial::Below {
            entity,
            lowest,
            until,
        }),
        Some(Err(_)) => corrupt("the generation of a denial"),
        None => Ok(Denial::Token {
            issuer: issuer.into(),
            token: entity,
            until,
        }),
    }
}

pub(super) fn read(row: &Row) -> Result<Denial> {
    let (issuer, lowest) = (row.try_get("issuer")?, row.try_get("lowest_generation")?);
    denial(id(row, "entity")?, issuer, lowest, time(row, "until")?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::sqlite::{memory, plan};

    #[tokio::test]
    async fn every_denial_is_read_once_and_parts_of_the_table_by_its_key() {
        let mut db = memory().await;
        let fill = "
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
            INSERT INTO denials (entity, issuer, lowest_generation, until, until_uptime)
            SELECT CAST(printf('%020d', i) AS BLOB), '', i, i, 0 FROM n
            UNION ALL
            SELECT zeroblob(20), 'https://issuer.example/é' || i, NULL, i, 0 FROM n
            UNION ALL
            SELECT x'ffffffffffffffffffffffffffffffffffffffff', '', 4294967295, 7, 0";
        db.run_script(fill).await.unwrap();
        let denied = DenySet::default();
        load_all(&mut db, &denied).await.unwrap();
        let mut count = 0;
        denied.for_each(|denial| {
            count += 1;
            match denial {
                Denial::Below {
                    entity,
                    lowest,
                    until,
                } if lowest <= 1000 => {
                    assert_eq!(entity.as_bytes(), format!("{lowest:020}").as_bytes());
                    assert_eq!(until.unix_millis(), i64::from(lowest));
                }
                Denial::Below { entity, lowest, .. } => {
                    assert_eq!((entity.as_bytes(), lowest), (&[255; 20], u32::MAX));
                }
                Denial::Token {
                    issuer,
                    token,
                    until,
                } => {
                    assert_eq!(token.as_bytes(), &[0; 20]);
                    let expected = format!("https://issuer.example/é{}", until.unix_millis());
                    assert_eq!(*issuer, *expected);
                }
            }
        });
        assert_eq!(count, 2001);
        let plan = plan(&mut db, ALL).await;
        let part = "SEARCH denials USING PRIMARY KEY (entity>? AND entity<?)";
        assert!(plan.contains(part), "{plan}");
    }
}
