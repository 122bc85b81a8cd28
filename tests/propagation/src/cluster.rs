//! Statements of this program beside the nodes.

use std::time::{Duration, Instant, SystemTime};

use countersign::Id;
use countersign_test_postgres::Cluster;
use sqlx::postgres::PgListener;
use sqlx::{Connection as _, PgConnection};

use crate::figures::Quantiles;

/// Measures a durable insert with a notification, from the call until another connection has the notification.
pub(crate) async fn durable_insert(cluster: &Cluster, times: usize) -> Quantiles {
    let url = cluster.url("postgres");
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let table = "CREATE TABLE IF NOT EXISTS inserted (one BIGINT)";
    sqlx::raw_sql(table).execute(&mut connection).await.unwrap();
    let mut listener = PgListener::connect(&url).await.unwrap();
    listener.listen("inserted").await.unwrap();
    let mut measured: Vec<Duration> = Vec::new();
    for _ in 0..times {
        let begun = Instant::now();
        let insert = "BEGIN; INSERT INTO inserted VALUES (1); NOTIFY inserted; COMMIT";
        let (inserted, received) = tokio::join!(
            sqlx::raw_sql(insert).execute(&mut connection),
            listener.recv()
        );
        measured.push(begun.elapsed());
        inserted.unwrap();
        received.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Quantiles::of(&measured)
}

/// Returns the result of a query for one number.
pub(crate) async fn number(url: &str, query: &'static str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let number = sqlx::query_scalar(query).fetch_one(&mut connection);
    number.await.unwrap()
}

/// Returns when the last change of a credential was committed, by the wall clock: the time of the commit record, before it was
/// written to the disk.
pub(crate) async fn committed_at(connection: &mut PgConnection, id: &Id) -> SystemTime {
    let query =
        "SELECT (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000)::bigint FROM changes
        WHERE entity = $1 ORDER BY number DESC LIMIT 1";
    let micros = sqlx::query_scalar(query).bind(&id.as_bytes()[..]);
    let micros: i64 = micros.fetch_one(connection).await.unwrap();
    SystemTime::UNIX_EPOCH + Duration::from_micros(micros.unsigned_abs())
}

/// Ends the connections of all nodes that listen, again and again. It does not end.
pub(crate) async fn kill_listeners(url: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    loop {
        let ended = sqlx::raw_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN %'",
        );
        ended.execute(&mut connection).await.unwrap();
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
}

/// Makes the database notify no node any more.
pub(crate) async fn silence(url: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let silence = sqlx::raw_sql(
        "CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
         CREATE TRIGGER silence BEFORE UPDATE ON notified FOR EACH ROW EXECUTE FUNCTION skip()",
    );
    silence.execute(&mut connection).await.unwrap();
}
