//! An operator who suspends and activates a key while others attack.

use std::time::Duration;

use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval};

use crate::Outcome;
use crate::http1::Client;
use crate::measure::Figures;
use crate::message::Request;
use crate::report::{Report, milliseconds};
use crate::server::{Fixture, Home};

/// The time between two changes.
const PERIOD: Duration = Duration::from_millis(500);
/// How long an operator may wait until a change is acknowledged.
const LIMIT: Duration = Duration::from_secs(1);

/// An operator who changes a key over HTTP until it is stopped.
pub(super) struct Operator {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Figures>,
}

impl Operator {
    /// Creates a key, and starts to change it.
    pub(super) async fn start(fixture: &Fixture<'_>) -> Outcome<Self> {
        let (client, operator) = (fixture.client(), fixture.operator.key.clone());
        let create = Request::post("/admin/v1/keys").header("x-api-key", &operator);
        let create = create.json(&json!({ "name": "changed", "scopes": ["calls:read"] }));
        let id = client.send(&create).await?.text("id")?;
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(change(client, operator, id, stopped));
        Ok(Self { stop, task })
    }

    pub(super) async fn stop(self) -> Outcome<Figures> {
        // An error means that the task has ended already; its result says why.
        let _ = self.stop.send(());
        Ok(self.task.await?)
    }
}

async fn change(
    client: Client,
    operator: String,
    id: String,
    mut stopped: oneshot::Receiver<()>,
) -> Figures {
    let mut figures = Figures::default();
    let mut ticks = interval(PERIOD);
    for action in ["suspend", "activate"].into_iter().cycle() {
        tokio::select! {
            _ = &mut stopped => break,
            _ = ticks.tick() => {}
        }
        let request = Request::post(&format!("/admin/v1/keys/{id}/{action}"));
        let begun = Instant::now();
        let result = client.send(&request.header("x-api-key", &operator)).await;
        figures.add(&result, begun.elapsed());
    }
    figures
}

/// Reports an operator's changes, and checks that all succeeded in time.
pub(super) fn check_operator(figures: &Figures, report: &mut Report) {
    report.figure("operator", figures);
    report.check(
        "the operator's changes succeed",
        figures.all_have("200"),
        figures.statuses(),
    );
    let slowest = figures.slowest();
    report.check(
        "the operator waits less than 1 s",
        slowest < LIMIT,
        milliseconds(slowest),
    );
}

/// Suspends a key by a command, and checks that it takes less than a second.
pub(super) async fn check_command(home: &Home<'_>, id: &str, report: &mut Report) -> Outcome<()> {
    let begun = Instant::now();
    let (succeeded, output) = home.try_run(&["key", "suspend", id]).await?;
    let elapsed = begun.elapsed();
    report.check(
        "the command `key suspend` takes less than 1 s",
        succeeded && elapsed < LIMIT,
        format!(
            "{} {}",
            milliseconds(elapsed),
            if succeeded { "" } else { output.trim() }
        ),
    );
    Ok(())
}
