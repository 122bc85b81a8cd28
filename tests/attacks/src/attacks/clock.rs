//! A wall clock that is wrong at a start or for a while, and right again.

mod first_start;
mod population;

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::Outcome;
use crate::http1::Client;
use crate::report::Report;
use crate::server::{Binary, Home, Server};
use population::Population;

/// How long the server may take to be right after the clock is right.
const RECOVERY: Duration = Duration::from_secs(15);
/// A running server sees a new wall clock after a second.
const CLOCK_DELAY: Duration = Duration::from_millis(1500);
const HOUR: i64 = 3600;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// By how many hours the clock is wrong
    #[arg(long, default_values_t = [2, 72, -24], allow_negative_numbers = true)]
    hours: Vec<i64>,
    /// The seconds for which a running server has the wrong clock: maintenance happens every 20 s
    #[arg(long, default_value_t = 25)]
    seconds: u64,
}

/// When the clock is wrong.
#[derive(Clone, Copy, Debug)]
enum When {
    /// From one start until the server is stopped.
    AtStart,
    /// While the server runs.
    Running,
}

pub(crate) async fn run(options: &Options, binary: &Binary, report: &mut Report) -> Outcome<()> {
    for hours in &options.hours {
        for when in [When::AtStart, When::Running] {
            report.title(&format!(
                "The clock is wrong by {hours:+} h ({when:?}), then right"
            ));
            wrong_for_a_while(options, *hours, when, binary, report).await?;
        }
        report.title(&format!(
            "The clock is wrong by {hours:+} h at the first start, then right"
        ));
        first_start::run(*hours * HOUR, binary, report).await?;
    }
    Ok(())
}

async fn wrong_for_a_while(
    options: &Options,
    hours: i64,
    when: When,
    binary: &Binary,
    report: &mut Report,
) -> Outcome<()> {
    let home = Home::with_clock(binary, "")?;
    let operator = home.create_key("operator", "*").await?;
    let mut server = Server::start(&home).await?;
    let population = Population::create(client(&server), &operator).await?;
    check_rejected(&population, client(&server), "before", report).await?;

    if let When::AtStart = when {
        server.stop().await?;
        home.set_clock(hours * HOUR)?;
        server = Server::start(&home).await?;
        // Maintenance follows the start.
        sleep(Duration::from_secs(3)).await;
    } else {
        home.set_clock(hours * HOUR)?;
        sleep(CLOCK_DELAY + Duration::from_secs(options.seconds)).await;
    }
    check_rejected(&population, client(&server), "with the wrong clock", report).await?;
    let with_wrong_clock = population.accepted(client(&server)).await?;
    report.figure("with the wrong clock", with_wrong_clock.join(", "));

    if let When::AtStart = when {
        server.stop().await?;
        home.set_clock(0)?;
        server = Server::start(&home).await?;
    } else {
        home.set_clock(0)?;
        sleep(CLOCK_DELAY).await;
    }
    let client = client(&server);
    check_rejected(&population, client, "with the right clock", report).await?;
    let begun = Instant::now();
    let mut accepted = population.accepted(client).await?;
    while accepted.iter().any(|seen| !seen.ends_with("200")) && begun.elapsed() < RECOVERY {
        sleep(Duration::from_millis(500)).await;
        accepted = population.accepted(client).await?;
    }
    report.check(
        "what is valid is accepted with the right clock",
        accepted.iter().all(|seen| seen.ends_with("200")),
        accepted.join(", "),
    );
    check_rejected(&population, client, "at the end", report).await?;
    server.stop().await
}

async fn check_rejected(
    population: &Population,
    client: Client,
    time: &str,
    report: &mut Report,
) -> Outcome<()> {
    let rejected = population.rejected(client).await?;
    report.check(
        &format!("nothing that was revoked is accepted {time}"),
        rejected.iter().all(|seen| !seen.ends_with("200")),
        rejected.join(", "),
    );
    Ok(())
}

fn client(server: &Server) -> Client {
    Client::at(server.address(), [127, 0, 0, 2].into())
}
