//! What the server counted in the last hour, by minute.
//!
//! The numbers are read from the text of `/metrics`, which is written every few seconds anyway. Requests cost nothing more for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::http::metrics::{PROPAGATION, PROPAGATION_INCOMPLETE};

const MINUTES: usize = 60;
const AUTHENTICATIONS: &str = "countersign_authentications_total";
const REQUIREMENTS: &str = "countersign_requirements_total";
const REQUESTS: &str = "countersign_http_requests_total";

/// The counts of the last hour. Clones share them.
#[derive(Clone)]
pub(in crate::http) struct Statistics(Arc<Mutex<Counts>>);

struct Counts {
    began: Instant,
    /// The number of the minute that the last elements of the series belong to, since the beginning.
    minute: u64,
    mint_routes: Vec<String>,
    /// The value of each counter when it was last read.
    totals: BTreeMap<String, u64>,
    series: BTreeMap<Series, [u64; MINUTES]>,
}

/// What is counted. The labels are words of this project, so that their number is bounded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Series {
    /// Accepted authentications, by scheme.
    Accepted(String),
    /// Rejected authentications and unmet requirements, by reason.
    Rejected(String),
    /// Authentications that could not be decided.
    Unavailable,
    /// Requests that minted a token.
    Minted,
    /// Requests that were answered with a status from 500.
    Failed,
    /// The times of complete receipts, in milliseconds.
    PropagationMillis,
    /// Complete receipts.
    Receipts,
    /// Incomplete receipts.
    Incomplete,
}

/// The counts of the last hour: for each series, one number a minute, the present minute last.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct HourResponse {
    accepted: Vec<u64>,
    rejected: Vec<u64>,
    unavailable: Vec<u64>,
    minted: Vec<u64>,
    failed: Vec<u64>,
    /// The mean time until every server had applied a change, in milliseconds; 0 if no request waited for one.
    propagation_ms: Vec<u64>,
    /// How many changes these are.
    receipts: Vec<u64>,
    /// Changes that not every server had applied in time.
    incomplete: Vec<u64>,
    accepted_by_scheme: BTreeMap<String, u64>,
    rejected_by_reason: BTreeMap<String, u64>,
}

impl Default for Statistics {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Counts {
            began: Instant::now(),
            minute: 0,
            mint_routes: Vec::new(),
            totals: BTreeMap::new(),
            series: BTreeMap::new(),
        })))
    }
}

impl Statistics {
    /// Sets the routes at which tokens are minted.
    pub(super) fn count_mints_at(&self, routes: Vec<String>) {
        self.lock().mint_routes = routes;
    }

    /// Reads the counters from the text of `/metrics`.
    pub(in crate::http) fn sample(&self, metrics: &str) {
        let mut counts = self.lock();
        counts.move_to_present();
        for line in metrics.lines() {
            counts.read(line);
        }
    }

    /// Returns the counts of the last hour.
    pub(super) fn hour(&self) -> HourResponse {
        let mut counts = self.lock();
        counts.move_to_present();
        counts.hour()
    }

    /// Returns the number of seconds since the server began to count.
    pub(super) fn uptime_seconds(&self) -> u64 {
        self.lock().began.elapsed().as_secs()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// Moves all series by the minutes that have passed.
    fn move_to_present(&mut self) {
        let minute = self.began.elapsed().as_secs() / 60;
        let passed = usize::try_from(minute - self.minute).unwrap_or(MINUTES);
        self.minute = minute;
        let passed = passed.min(MINUTES);
        for minutes in self.series.values_mut() {
            minutes.rotate_left(passed);
            for new in minutes.iter_mut().rev().take(passed) {
                *new = 0;
            }
        }
    }

    /// Reads one line of the exposition, and adds what was counted since the last one to the present minute.
    fn read(&mut self, line: &str) {
        let Some((counter, value)) = line.rsplit_once(' ') else {
            return;
        };
        let Some(series) = self.series_of(counter) else {
            return;
        };
        let total = match series {
            Series::PropagationMillis => millis(value),
            _ => value.parse::<u64>().ok(),
        };
        let Some(total) = total else {
            return;
        };
        let before = self.totals.insert(counter.to_owned(), total).unwrap_or(0);
        let minutes = self.series.entry(series).or_insert([0; MINUTES]);
        if let Some(present) = minutes.last_mut() {
            *present += total.saturating_sub(before);
        }
    }

    fn series_of(&self, counter: &str) -> Option<Series> {
        if counter == PROPAGATION_INCOMPLETE {
            return Some(Series::Incomplete);
        }
        match counter.strip_prefix(PROPAGATION) {
            Some("_sum") => return Some(Series::PropagationMillis),
            Some("_count") => return Some(Series::Receipts),
            _ => {}
        }
        let (name, labels) = counter.strip_suffix('}')?.split_once('{')?;
        let label = |name| label(labels, name);
        match name {
            AUTHENTICATIONS | REQUIREMENTS => match label("outcome")? {
                // What requirements accept was counted as an authentication.
                "accepted" if name == REQUIREMENTS => None,
                "accepted" => Some(Series::Accepted(label("scheme")?.to_owned())),
                "unavailable" => Some(Series::Unavailable),
                _ => Some(Series::Rejected(label("reason")?.to_owned())),
            },
            REQUESTS => {
                let (route, status) = (label("route")?, label("status")?);
                match status.as_bytes().first()? {
                    b'5' => Some(Series::Failed),
                    b'2' if label("method")? == "POST" => {
                        let mints = self.mint_routes.iter().any(|mint| mint == route);
                        mints.then_some(Series::Minted)
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn hour(&self) -> HourResponse {
        let mut hour = HourResponse {
            accepted: vec![0; MINUTES],
            rejected: vec![0; MINUTES],
            unavailable: vec![0; MINUTES],
            minted: vec![0; MINUTES],
            failed: vec![0; MINUTES],
            propagation_ms: vec![0; MINUTES],
            receipts: vec![0; MINUTES],
            incomplete: vec![0; MINUTES],
            accepted_by_scheme: BTreeMap::new(),
            rejected_by_reason: BTreeMap::new(),
        };
        for (series, minutes) in &self.series {
            let (sum, by_label) = match series {
                Series::Accepted(scheme) => {
                    let by_scheme = &mut hour.accepted_by_scheme;
                    (&mut hour.accepted, Some((by_scheme, scheme)))
                }
                Series::Rejected(reason) => {
                    let by_reason = &mut hour.rejected_by_reason;
                    (&mut hour.rejected, Some((by_reason, reason)))
                }
                Series::Unavailable => (&mut hour.unavailable, None),
                Series::Minted => (&mut hour.minted, None),
                Series::Failed => (&mut hour.failed, None),
                Series::PropagationMillis => (&mut hour.propagation_ms, None),
                Series::Receipts => (&mut hour.receipts, None),
                Series::Incomplete => (&mut hour.incomplete, None),
            };
            for (sum, count) in sum.iter_mut().zip(minutes) {
                *sum += count;
            }
            let total: u64 = minutes.iter().sum();
            if let (Some((totals, label)), 1..) = (by_label, total) {
                *totals.entry(label.clone()).or_default() += total;
            }
        }
        for (millis, receipts) in hour.propagation_ms.iter_mut().zip(&hour.receipts) {
            *millis /= receipts.max(&1);
        }
        hour
    }
}

/// Reads a number of seconds as milliseconds.
fn millis(seconds: &str) -> Option<u64> {
    let duration = Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?;
    u64::try_from(duration.as_millis()).ok()
}

/// Returns the value of a label. The values are words of ours, without quotes.
fn label<'l>(labels: &'l str, name: &str) -> Option<&'l str> {
    labels.split("\",").find_map(|pair| {
        let (key, value) = pair.split_once("=\"")?;
        (key == name).then(|| value.trim_end_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn metrics(accepted: u64, minted: u64) -> String {
        format!(
            "# TYPE countersign_authentications_total counter\n\
             countersign_authentications_total{{outcome=\"accepted\",scheme=\"api_key\"}} {accepted}\n\
             countersign_authentications_total{{outcome=\"invalid\",reason=\"token_expired\"}} 2\n\
             countersign_authentications_total{{outcome=\"unavailable\",reason=\"directory_stale\"}} 1\n\
             countersign_requirements_total{{outcome=\"accepted\"}} 9\n\
             countersign_requirements_total{{outcome=\"insufficient_scope\",reason=\"scope_missing\"}} 3\n\
             countersign_http_requests_total{{method=\"POST\",route=\"/oauth/token\",status=\"200\"}} {minted}\n\
             countersign_http_requests_total{{method=\"POST\",route=\"/oauth/token\",status=\"401\"}} 7\n\
             countersign_http_requests_total{{method=\"GET\",route=\"/admin/v1/keys/{{id}}\",status=\"503\"}} 4\n\
             countersign_view_age_seconds 0.01\n\n"
        )
    }

    fn last_two(series: &[u64]) -> [u64; 2] {
        *series.last_chunk().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn counts_are_added_to_their_minutes() {
        let statistics = Statistics::default();
        statistics.count_mints_at(vec!["/oauth/token".to_owned()]);
        statistics.sample(&metrics(10, 5));
        advance(Duration::from_secs(60)).await;
        statistics.sample(&metrics(14, 5));
        let hour = statistics.hour();
        assert_eq!(last_two(&hour.accepted), [10, 4]);
        assert_eq!(last_two(&hour.rejected), [5, 0]);
        assert_eq!(last_two(&hour.unavailable), [1, 0]);
        assert_eq!(last_two(&hour.minted), [5, 0]);
        assert_eq!(last_two(&hour.failed), [4, 0]);
        assert_eq!(hour.accepted.len(), MINUTES);
        assert_eq!(hour.accepted_by_scheme, [("api_key".to_owned(), 14)].into());
        let reasons = [
            ("scope_missing".to_owned(), 3),
            ("token_expired".to_owned(), 2),
        ];
        assert_eq!(hour.rejected_by_reason, reasons.into());
    }

    #[tokio::test(start_paused = true)]
    async fn time_until_changes_are_applied_is_the_mean_of_each_minute() {
        let statistics = Statistics::default();
        let receipts = |sum: &str, count: u64, incomplete: u64| {
            statistics.sample(&format!(
                "countersign_propagation_seconds_bucket{{le=\"0.05\"}} {count}\n\
                 countersign_propagation_seconds_sum {sum}\n\
                 countersign_propagation_seconds_count {count}\n\
                 countersign_propagation_incomplete_total {incomplete}\n"
            ));
        };
        receipts("0.012", 1, 0);
        advance(Duration::from_secs(60)).await;
        receipts("0.012", 1, 0);
        receipts("0.072", 3, 2);
        let hour = statistics.hour();
        assert_eq!(last_two(&hour.propagation_ms), [12, 30]);
        assert_eq!(last_two(&hour.receipts), [1, 2]);
        assert_eq!(last_two(&hour.incomplete), [0, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn counts_are_forgotten_after_an_hour() {
        let statistics = Statistics::default();
        statistics.sample(&metrics(10, 5));
        advance(Duration::from_secs(59 * 60)).await;
        assert_eq!(statistics.hour().accepted.first(), Some(&10));
        advance(Duration::from_secs(60)).await;
        let hour = statistics.hour();
        assert_eq!(hour.accepted, vec![0; MINUTES]);
        assert!(hour.accepted_by_scheme.is_empty());
    }
}
