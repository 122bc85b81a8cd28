//! `/metrics`: what the server counts and measures, in the text format of Prometheus.
//!
//! The values of labels are words of ours, such as the templates of routes. Clients choose none of them, so that their number
//! is bounded.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use countersign::rejection::ProblemDetails;
use countersign::require::{predicate, require, scope};
use countersign::time::Timestamp;
use countersign::token::TrustedIssuer;
use countersign_cli::error::CommandError;
use countersign_cli::ops::ReceiptResponse;
use countersign_store::Store;
use metrics::{
    Counter, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use papaya::Equivalent;

use super::authenticators::Authenticators;
use super::dashboard::Statistics;
use super::openapi::{DescribeResponse, OperationDraft, Routes, get};

const PATH: &str = "/metrics";
/// The scopes of which one is required.
const SCOPES: [&str; 2] = ["countersign:metrics", "countersign:admin"];
const REQUESTS: &str = "countersign_http_requests_total";
/// Recorded by the store.
const STORE_DURATION: &str = "countersign_store_duration_seconds";
const DURATION: &str = "countersign_http_request_duration_seconds";
const CONNECTIONS: &str = "countersign_connections";
const REFUSED: &str = "countersign_connections_refused_total";
const VIEW_AGE: &str = "countersign_view_age_seconds";
const CERTIFICATE_EXPIRY: &str = "countersign_certificate_expires_at_seconds";
const MINTS: &str = "countersign_mints_total";
pub(super) const PROPAGATION: &str = "countersign_propagation_seconds";
pub(super) const PROPAGATION_INCOMPLETE: &str = "countersign_propagation_incomplete_total";
const SIGNING_KEY_AGE: &str = "countersign_signing_key_age_seconds";
const FEED_WAITING: &str = "countersign_feed_waiting";
const FEED_ANSWERS: &str = "countersign_feed_answers_total";
const VIEW_STALE: &str = "countersign_view_stale";
const READY: &str = "countersign_ready";
/// The upper bounds of the histogram of durations, in seconds.
const BUCKETS: [f64; 10] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0,
];
/// How often the samples of histograms are summed up.
const SUM_UP: Duration = Duration::from_secs(5);

/// The metrics of the process.
#[derive(Clone)]
pub(crate) struct Metrics {
    exporter: PrometheusHandle,
    store: Store,
    statistics: Statistics,
}

impl Metrics {
    /// Starts to count.
    pub(crate) fn start(store: Store) -> Result<Self, CommandError> {
        let failed = |error: &dyn std::fmt::Display| {
            CommandError::new(format!("metrics cannot be recorded: {error}"))
        };
        let exporter = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full(DURATION.to_owned()), &BUCKETS)
            .map_err(|error| failed(&error))?
            .set_buckets_for_metric(Matcher::Full(STORE_DURATION.to_owned()), &BUCKETS)
            .map_err(|error| failed(&error))?
            .set_buckets_for_metric(Matcher::Full(PROPAGATION.to_owned()), &BUCKETS)
            .map_err(|error| failed(&error))?
            .install_recorder()
            .map_err(|error| failed(&error))?;
        describe();
        let statistics = Statistics::default();
        let (rendered, sampled) = (exporter.clone(), statistics.clone());
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(SUM_UP).await;
                // This sums up the samples of histograms, which would occupy more and more memory if nothing read them.
                sampled.sample(&rendered.render());
            }
        });
        Ok(Self {
            exporter,
            store,
            statistics,
        })
    }

    /// Returns what was counted in the last hour.
    pub(super) const fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    fn render(&self) -> String {
        let view = self.store.directory();
        let age = view.age();
        gauge!(VIEW_AGE).set(age.map_or(f64::INFINITY, |age| age.as_secs_f64()));
        if let Some(age) = self.store.signing_key_age() {
            gauge!(SIGNING_KEY_AGE).set(age.as_secs_f64());
        }
        gauge!(VIEW_STALE).set(f64::from(u8::from(view.is_stale())));
        gauge!(READY).set(f64::from(u8::from(self.store.is_ready())));
        self.exporter.render()
    }
}

fn describe() {
    describe_counter!(REQUESTS, "Requests, by method, route and status.");
    describe_histogram!(DURATION, "The time until the head of a response, by route.");
    describe_histogram!(
        STORE_DURATION,
        "The time of a change of the database, with that of waiting for other changes, and of a comparison of the view with it."
    );
    describe_gauge!(CONNECTIONS, "Open connections.");
    describe_counter!(
        REFUSED,
        "Connections closed at once, because there were too many."
    );
    describe_counter!(
        "countersign_log_lines_lost_total",
        "Lines of the log that were lost."
    );
    describe_gauge!(
        VIEW_AGE,
        "The time since the view was last compared with the database."
    );
    describe_gauge!(
        CERTIFICATE_EXPIRY,
        "When the certificate of TLS expires, in seconds since 1970."
    );
    describe_histogram!(
        PROPAGATION,
        "The time until the last server had applied a change that a request waited for."
    );
    describe_counter!(
        PROPAGATION_INCOMPLETE,
        "Changes that a request waited for, and that not every server had applied in time."
    );
    describe_gauge!(
        SIGNING_KEY_AGE,
        "The age of the oldest key that signs tokens at present."
    );
    describe_counter!(MINTS, "Tokens minted, by wire.");
    describe_gauge!(
        VIEW_STALE,
        "1 if the view is older than `max_staleness`, else 0."
    );
    describe_gauge!(FEED_WAITING, "Verifiers that wait for changes of the feed.");
    describe_counter!(FEED_ANSWERS, "Answers to verifiers, by kind.");
    describe_gauge!(READY, "1 if requests can be authenticated, else 0.");
    describe_counter!(
        "countersign_authentications_total",
        "Authentications, by outcome, scheme and reason."
    );
    describe_counter!(
        "countersign_requirements_total",
        "Checks of scopes and other requirements, by outcome and reason."
    );
}

/// The counters of requests. They are kept, because finding one in the recorder takes as long as a tenth of a request.
#[derive(Default)]
pub(super) struct RequestMetrics(papaya::HashMap<RequestKind, RequestCounters>);

/// The counters of the requests of one kind.
pub(super) struct RequestCounters {
    requests: Counter,
    durations: Histogram,
}

#[derive(PartialEq, Eq, Hash)]
struct RequestKind {
    method: &'static str,
    status: u16,
    route: Box<str>,
}

/// The same, borrowed.
#[derive(Hash)]
struct Kind<'a> {
    method: &'static str,
    status: u16,
    route: &'a str,
}

impl Equivalent<RequestKind> for Kind<'_> {
    fn equivalent(&self, kind: &RequestKind) -> bool {
        (self.method, self.status, self.route) == (kind.method, kind.status, &*kind.route)
    }
}

impl RequestMetrics {
    /// Counts a request.
    pub(super) fn count(
        &self,
        method: &'static str,
        route: &str,
        status: StatusCode,
        duration: Duration,
    ) {
        let kinds = self.0.pin();
        let kind = Kind {
            method,
            status: status.as_u16(),
            route,
        };
        let counters = match kinds.get(&kind) {
            Some(known) => known,
            None => kinds
                .get_or_insert_with(kind.owned(), || RequestCounters::of(method, route, status)),
        };
        counters.count(duration);
    }
}

impl RequestCounters {
    /// Finds or creates the counters in the recorder.
    pub(super) fn of(method: &'static str, route: &str, status: StatusCode) -> Self {
        let (route, status) = (route.to_owned(), status.as_u16().to_string());
        Self {
            requests: counter!(
                REQUESTS, "method" => method, "route" => route.clone(), "status" => status
            ),
            durations: histogram!(DURATION, "route" => route),
        }
    }

    /// Counts a request.
    pub(super) fn count(&self, duration: Duration) {
        self.requests.increment(1);
        self.durations.record(duration.as_secs_f64());
    }
}

impl Kind<'_> {
    fn owned(&self) -> RequestKind {
        RequestKind {
            method: self.method,
            status: self.status,
            route: self.route.into(),
        }
    }
}

/// Sets when the certificate of TLS expires.
pub(super) fn set_certificate_expiry(end: Timestamp) {
    let seconds = Duration::from_secs(u64::try_from(end.unix_seconds()).unwrap_or_default());
    gauge!(CERTIFICATE_EXPIRY).set(seconds.as_secs_f64());
}

/// Returns the counter of the tokens that a wire has minted.
pub(super) fn minted(wire: &'static str) -> Counter {
    counter!(MINTS, "wire" => wire)
}

/// Counts a receipt, unless no server was waited for.
pub(super) fn count_receipt(receipt: &ReceiptResponse) {
    if !receipt.complete {
        counter!(PROPAGATION_INCOMPLETE).increment(1);
    } else if receipt.nodes > 0 {
        histogram!(PROPAGATION).record(Duration::from_millis(receipt.slowest_ms).as_secs_f64());
    }
}

/// Sets the number of verifiers that wait for changes.
pub(super) fn set_waiting_verifiers(waiting: usize) {
    gauge!(FEED_WAITING).set(f64::from(u32::try_from(waiting).unwrap_or(u32::MAX)));
}

/// Counts an answer to a verifier: `snapshot`, `delta` or `unchanged`.
pub(super) fn count_feed_answer(kind: &'static str) {
    counter!(FEED_ANSWERS, "kind" => kind).increment(1);
}

/// Sets the number of open connections.
pub(super) fn set_connections(open: usize) {
    gauge!(CONNECTIONS).set(f64::from(u32::try_from(open).unwrap_or(u32::MAX)));
}

/// Counts a connection that was refused.
pub(super) fn count_refused_connection() {
    counter!(REFUSED).increment(1);
}

/// Returns the route, for credentials and tokens of the account `default` with one of the scopes.
pub(super) fn routes(
    metrics: Metrics,
    store: &Store,
    authenticators: &Authenticators,
    issuers: impl IntoIterator<Item = TrustedIssuer>,
) -> Result<Routes, CommandError> {
    let authenticate = authenticators.any(issuers, None)?;
    let authenticate = authenticate.reject_body(ProblemDetails);
    let [metrics_scope, admin] = SCOPES.map(scope);
    let account = store.default_account();
    let is_operator = predicate("default_account", move |principal| {
        principal.account() == Some(&account)
    });
    let authorize = require((metrics_scope | admin) & is_operator)?;
    let route = get(PATH, "metrics", expose)
        .summary("Show what the server counts, in the text format of Prometheus");
    Ok(Routes::of([route]).map_router(|router| {
        router
            .route_layer(authorize)
            .route_layer(authenticate)
            .with_state(metrics)
    }))
}

/// Returns the route without authentication.
pub(super) fn open_route(metrics: Metrics) -> Router {
    let expose = async |State(metrics): State<Metrics>| Exposition(metrics.render());
    Router::new()
        .route(PATH, routing::get(expose))
        .with_state(metrics)
}

async fn expose(State(metrics): State<Metrics>, _: countersign::Principal) -> Exposition {
    Exposition(metrics.render())
}

/// Metrics in the text format of Prometheus.
struct Exposition(String);

impl IntoResponse for Exposition {
    fn into_response(self) -> Response {
        let content_type = (CONTENT_TYPE, "text/plain; version=0.0.4");
        ([content_type], self.0).into_response()
    }
}

impl DescribeResponse for Exposition {
    fn describe(draft: &mut OperationDraft) {
        draft.empty(StatusCode::OK, "the metrics, as text");
    }
}
