//! `rotate`: signing keys are rotated while three nodes mint and verify, of which one learns of changes late.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::Args;
use countersign::Secret;
use countersign::auth::Authenticator;
use countersign::credentials::{Credentials, RequestHead};
use countersign::mechanism::Jwt;
use countersign::mint::{Issuer, Mint, MintParameters, MintRequest};
use countersign::random::SystemRandom;
use countersign::registry::{NewKey, Registry as _};
use countersign::time::{Clock, Timestamp};
use countersign_store::{BootClock, Store};
use countersign_test_postgres::Cluster;
use futures_util::FutureExt as _;

use crate::figures::check;
use crate::node::{caller, options};

/// How long before it signs a key is published.
const LEAD: u64 = 12;
/// How late the third node learns of changes at most. All in seconds of the clock of the nodes.
const LATENESS: u64 = 10;
const MAX_STALENESS: Duration = Duration::from_secs(15);

#[derive(Args)]
pub(crate) struct Options {
    /// How many rotations there are
    #[arg(long, default_value_t = 100)]
    rotations: u64,
    /// Requests a second, each of which mints a token and verifies it and an earlier one on a node
    #[arg(long, default_value_t = 1000)]
    rate: u32,
    /// How many requests there are in a second of the clock of the nodes, which is not that of the machine
    #[arg(long, default_value_t = 50)]
    requests: usize,
}

/// The clock of the nodes.
#[derive(Default)]
struct Seconds(AtomicI64);

impl Clock for Seconds {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(1_800_000_000 + self.0.load(Ordering::SeqCst))
    }
}

impl BootClock for Seconds {
    fn since_boot(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst).unsigned_abs())
    }
}

/// A node that mints and verifies.
struct Service {
    store: Store,
    keys: Authenticator,
    tokens: Authenticator,
    mint: Mint,
}

impl Service {
    async fn open(url: &str, clock: &Arc<Seconds>) -> Self {
        let mut options = options(url);
        options.clock = Arc::clone(clock) as Arc<dyn Clock>;
        options.boot_clock = Arc::clone(clock) as Arc<dyn BootClock>;
        options.max_staleness = MAX_STALENESS;
        options.poll_period = None;
        let store = Store::open(options).await.unwrap();
        let ring = store.signing_keys("default", None).await.unwrap();
        let issuer = Issuer::builder("https://auth.example").signing_keys(ring);
        let issuer = issuer.build().unwrap();
        let trusted = store.trusted(&issuer).build().unwrap();
        let builder = || Authenticator::builder().clock(Arc::clone(clock));
        let service = Self {
            keys: builder().primary(store.api_keys()).build().unwrap(),
            tokens: builder().mechanism(Jwt::new([trusted])).build().unwrap(),
            mint: Mint::new(issuer, Arc::clone(clock), SystemRandom),
            store,
        };
        service.follow().await;
        service
    }

    /// Reads changes, and acknowledges them.
    async fn follow(&self) {
        self.store.catch_up().await.unwrap();
        self.store.acknowledge().await.unwrap();
    }

    fn mint(&self, key: &Secret) -> String {
        let credentials = Credentials::key(key.clone());
        let principal = self.keys.authenticate(credentials, &RequestHead::empty());
        let principal = principal.now_or_never().unwrap().unwrap();
        let request = MintRequest::new(principal.primary().unwrap(), MintParameters::default());
        self.mint.mint(&request).unwrap().token.expose().to_owned()
    }

    fn accepts(&self, token: &str) -> bool {
        let request = http::Request::get("/").header("authorization", format!("Bearer {token}"));
        let request = request.body(()).unwrap();
        let head = RequestHead::new(&request);
        let credentials = self.tokens.find_credentials(&head).unwrap().unwrap();
        let decided = self.tokens.authenticate(credentials, &head).now_or_never();
        decided.unwrap().is_ok()
    }
}

pub(crate) async fn run(arguments: &Options) -> bool {
    let cluster = Cluster::durable();
    let (url, clock) = (cluster.url("postgres"), Arc::new(Seconds::default()));
    let mut services = Vec::new();
    for _ in 0..3 {
        services.push(Arc::new(Service::open(&url, &clock).await));
    }
    let new = NewKey::new("key", "calls:read".parse().unwrap());
    let created = services[0].store.create_key(&caller(), new).await.unwrap();
    for service in &services {
        service.follow().await;
    }
    let (done, served) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let rejected = Arc::new(Mutex::new(Vec::new()));
    let load = std::thread::spawn({
        let (services, key) = (services.clone(), created.issued.key.clone());
        let (done, served, rejected) = (
            Arc::clone(&done),
            Arc::clone(&served),
            Arc::clone(&rejected),
        );
        let period = Duration::from_secs(1) / arguments.rate;
        move || {
            let (mut earlier, mut due) = (Vec::new(), Instant::now());
            while !done.load(Ordering::SeqCst) {
                due += period;
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                // The late node mints, too.
                let token = services[fastrand::usize(0..3)].mint(&key);
                let verifier = &services[fastrand::usize(0..3)];
                earlier.push(token);
                for token in [
                    &earlier[earlier.len() - 1],
                    &earlier[fastrand::usize(0..earlier.len())],
                ] {
                    if !verifier.accepts(token) {
                        rejected.lock().unwrap().push(token.clone());
                    }
                }
                served.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    let mut second = 0;
    for _ in 0..arguments.rotations {
        let lead = Duration::from_secs(LEAD);
        let caller = caller();
        let rotated = services[0]
            .store
            .rotate_signing_key(&caller, "default", None, lead);
        rotated.await.unwrap();
        for _ in 0..LEAD {
            let enough = served.load(Ordering::SeqCst) + arguments.requests;
            while served.load(Ordering::SeqCst) < enough {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            second += 1;
            clock.0.fetch_add(1, Ordering::SeqCst);
            services[0].follow().await;
            services[1].follow().await;
            if second % LATENESS == 0 {
                services[2].follow().await;
            }
        }
    }
    done.store(true, Ordering::SeqCst);
    load.join().unwrap();
    let rejected = rejected.lock().unwrap();
    println!(
        "{} rotations, three nodes of which one learns of changes up to {LATENESS} s late: {} requests, {} tokens rejected",
        arguments.rotations,
        served.load(Ordering::SeqCst),
        rejected.len()
    );
    check("no valid token is rejected", rejected.is_empty())
}
