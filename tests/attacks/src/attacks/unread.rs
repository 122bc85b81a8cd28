//! What the attacks have in common that do not read their responses.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::Outcome;
use crate::measure::{check_bystander, check_memory};
use crate::report::Report;
use crate::server::{Fixture, descriptors};

/// The connections that the bystander may have open when those of the attacker are counted.
const OF_BYSTANDER: u64 = 8;

/// Options of the attacks that do not read their responses.
#[derive(Clone, clap::Args)]
pub(crate) struct Unread {
    /// The number of connections
    #[arg(long, default_value_t = 100)]
    pub(crate) connections: usize,
    /// The document that is requested
    #[arg(long, default_value = "/openapi.json")]
    pub(crate) path: String,
    /// The seconds after which the server must have closed all connections
    #[arg(long, default_value_t = 60)]
    pub(crate) deadline: u64,
}

/// Opens connections by `attack`, waits until the server has closed them all, and checks the limits.
///
/// `attack` sends its requests on the connection of a number, and returns when the connection is closed.
pub(super) async fn hold<F>(
    options: &Unread,
    fixture: &Fixture<'_>,
    report: &mut Report,
    attack: impl Fn() -> F,
) -> Outcome<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let watch = fixture.watch()?;
    let before = descriptors(fixture.server.pid()).ok_or("the server has ended")?;
    let bystander = fixture.bystander();
    let begun = Instant::now();
    let mut held = JoinSet::new();
    for _ in 0..options.connections {
        held.spawn(attack());
    }
    let mut closed = None;
    // Attackers connect within a second, or are refused.
    sleep(Duration::from_secs(2)).await;
    while closed.is_none() && begun.elapsed() < Duration::from_secs(options.deadline) {
        sleep(Duration::from_millis(200)).await;
        let open = descriptors(fixture.server.pid()).ok_or("the server has ended")?;
        if open <= before + OF_BYSTANDER {
            closed = Some(begun.elapsed());
        }
    }
    let figures = bystander.stop().await?;
    let peaks = watch.stop().await?;
    held.shutdown().await;
    check_memory(&peaks, report);
    let limit = format!(
        "the server closes all connections within {} s",
        options.deadline
    );
    let seen = closed.map_or_else(
        || "some are still open".to_owned(),
        |after| format!("after {:.1} s", after.as_secs_f64()),
    );
    report.check(&limit, closed.is_some(), seen);
    check_bystander(&figures, report);
    Ok(())
}
