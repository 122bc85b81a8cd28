//! A first start with a wrong clock, and later starts with the right one.

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::population::mint;
use super::{RECOVERY, client};
use crate::Outcome;
use crate::message::Request;
use crate::report::Report;
use crate::server::{Binary, Home, Server};

/// The starts with the right clock.
const RESTARTS: usize = 3;
/// The signing keys that the server may have at the end: the first one, one in place of it, and the next one.
const MAX_SIGNING_KEYS: usize = 3;

pub(super) async fn run(offset: i64, binary: &Binary, report: &mut Report) -> Outcome<()> {
    let home = Home::with_clock(binary, "")?;
    home.set_clock(offset)?;
    let key = home.create_key("key", "*").await?;
    Server::start(&home).await?.stop().await?;
    home.set_clock(0)?;
    for number in 1..=RESTARTS {
        let server = Server::start(&home).await?;
        let client = client(&server);
        let begun = Instant::now();
        let mint = mint().header("x-api-key", &key.key);
        let mut status = client.send(&mint).await?.status;
        while status != 200 && begun.elapsed() < RECOVERY {
            sleep(std::time::Duration::from_millis(500)).await;
            status = client.send(&mint).await?.status;
        }
        let ready = client.send(&Request::get("/readyz")).await?.status;
        let (_, doctor) = home.try_run(&["doctor"]).await?;
        let names_clock = doctor
            .lines()
            .any(|line| line.starts_with("fail") && line.contains("clock"));
        report.check(
            &format!(
                "start {number}: minting works, or readiness fails and doctor names the clock"
            ),
            status == 200 || (ready == 503 && names_clock),
            format!("minting {status}, readiness {ready}, doctor names the clock: {names_clock}"),
        );
        for line in doctor.lines().filter(|line| !line.starts_with("ok")) {
            report.figure("doctor", line);
        }
        server.stop().await?;
    }
    let listed = home.json(&["signing-key", "list"]).await?;
    let keys = listed.get("signing_keys").and_then(Value::as_array);
    let keys = keys.ok_or("no signing keys")?.len();
    report.check(
        &format!("there are at most {MAX_SIGNING_KEYS} signing keys"),
        keys <= MAX_SIGNING_KEYS,
        keys,
    );
    let (rotated, output) = home.try_run(&["signing-key", "rotate"]).await?;
    report.check("`signing-key rotate` succeeds", rotated, output.trim());
    Ok(())
}
