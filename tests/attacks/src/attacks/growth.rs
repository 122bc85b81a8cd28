//! One token that is revoked again and again, and managed tokens that expired long ago.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::Outcome;
use crate::http1::Client;
use crate::measure::Figures;
use crate::message::Request;
use crate::report::Report;
use crate::server::{Binary, Fixture, Home, Key, Server};

/// The server removes records in its maintenance, which it does every 20 s.
const MAINTENANCE: Duration = Duration::from_secs(45);
const DAY: i64 = 24 * 3600;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// How often the token is revoked at the same time
    #[arg(long, default_value_t = 400)]
    revocations: usize,
    /// The number of managed tokens that expire
    #[arg(long, default_value_t = 100)]
    tokens: usize,
    /// The days that pass after the managed tokens were created
    #[arg(long, default_value_t = 120)]
    days: u16,
}

pub(crate) async fn run(options: &Options, binary: &Binary, report: &mut Report) -> Outcome<()> {
    revoke_often(options, binary, report).await?;
    let_expire(options, binary, report).await
}

async fn revoke_often(options: &Options, binary: &Binary, report: &mut Report) -> Outcome<()> {
    let fixture = Fixture::start(binary).await?;
    report.title(&format!(
        "One token revoked {} times at the same time",
        options.revocations
    ));
    let key = |request: Request| request.header("x-api-key", &fixture.good.key);
    let mint = Request::post("/oauth/token").form("grant_type=client_credentials");
    let token = fixture
        .client()
        .send(&key(mint))
        .await?
        .text("access_token")?;
    let revoke = key(Request::post("/oauth/revoke").form(&format!("token={token}")));
    let before = audit_records(&fixture.home).await?;
    let mut sent = JoinSet::new();
    for _ in 0..options.revocations {
        let (client, revoke) = (fixture.attacker(), revoke.clone());
        sent.spawn(async move {
            let begun = Instant::now();
            (client.send(&revoke).await, begun.elapsed())
        });
    }
    let mut figures = Figures::default();
    while let Some(response) = sent.join_next().await {
        let (result, latency) = response?;
        figures.add(&result, latency);
    }
    report.figure("revocations", &figures);
    let more = audit_records(&fixture.home).await?.saturating_sub(before);
    report.check(
        "the audit log has one more record",
        more == 1,
        format!("{more} more"),
    );
    Ok(())
}

/// Counts the records of the audit log, up to 1,000.
async fn audit_records(home: &Home<'_>) -> Outcome<usize> {
    let listed = home.json(&["audit", "list", "--limit", "1000"]).await?;
    let records = listed.get("records").and_then(Value::as_array);
    Ok(records.ok_or("no records")?.len())
}

async fn let_expire(options: &Options, binary: &Binary, report: &mut Report) -> Outcome<()> {
    let (tokens, days) = (options.tokens, options.days);
    report.title(&format!(
        "{tokens} managed tokens of a day, {days} days later"
    ));
    let home = Home::with_clock(binary, "")?;
    home.set_clock(-DAY * i64::from(days))?;
    let key = home.create_key("creator", "*").await?;
    let server = Server::start(&home).await?;
    let client = Client::at(server.address(), [127, 0, 0, 2].into());
    let create = Request::post("/api/v1/api_token").header("x-api-key", &key.key);
    // The server's clock decides what is in the future.
    let expires_at = Home::time(DAY - DAY * i64::from(days))?;
    let create = create.json(&json!({ "token_scope": "account", "expires_at": expires_at }));
    for _ in 0..tokens {
        let created = client.send(&create).await?;
        if created.status != 200 {
            return Err(created.description().into());
        }
    }
    server.stop().await?;

    // Records are deleted only if the database was open for as long, too.
    open_for(&home.database(), DAY * i64::from(days)).await?;
    home.set_clock(0)?;
    let server = Server::start(&home).await?;
    let begun = Instant::now();
    let client = Client::at(server.address(), [127, 0, 0, 2].into());
    let mut left = listed(client, &key).await?;
    report.figure("records after the start", left);
    while left > 0 && begun.elapsed() < MAINTENANCE {
        sleep(Duration::from_secs(1)).await;
        left = listed(client, &key).await?;
    }
    report.check(
        "the records of expired managed tokens are removed",
        left == 0,
        format!("{left} left after {:.0} s", begun.elapsed().as_secs_f64()),
    );
    server.stop().await
}

/// Adds seconds to the time for which a database was open.
async fn open_for(database: &Path, seconds: i64) -> Outcome<()> {
    let options = SqliteConnectOptions::new().filename(database);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let add = "UPDATE state SET uptime = uptime + ?";
    let added = sqlx::query(add).bind(seconds * 1000);
    added.execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Returns the number of managed tokens of the key's account.
async fn listed(client: Client, key: &Key) -> Outcome<u64> {
    let list = Request::get("/api/v1/api_token").header("x-api-key", &key.key);
    let listed = client.send(&list).await?.json()?;
    let count = listed.pointer("/pagination/item_count");
    Ok(count
        .and_then(Value::as_u64)
        .ok_or_else(|| listed.to_string())?)
}
