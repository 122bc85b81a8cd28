//! Resident memory, in a process of its own.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::ValueEnum;
use countersign::Id;
use countersign::auth::AuthLayer;
use countersign::directory::Credential;
use countersign::registry::backend::{KeyDigest, KeyDigests, SecretDigest, StoredSecret};
use countersign::time::{Clock as _, SystemClock};
use countersign_tests::MemoryCredentials;
use http::HeaderValue;
use serde_json::json;
use tower::Layer as _;

use super::paths::{distinct, id};
use crate::in_process::material::SCOPES;
use crate::requests::{EmptyService, requests};
use crate::timing::medians;

/// The keys that are used.
const HOT: u64 = 1000;
/// The tokens before the memory is measured for the first time.
const WARM: u64 = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Subject {
    Keys,
    ValidTokens,
    InvalidTokens,
}

/// Measures, and prints a JSON object a line.
pub(crate) fn measure(subject: Subject, count: u64) {
    match subject {
        Subject::Keys => keys(count),
        Subject::ValidTokens => tokens(count, true),
        Subject::InvalidTokens => tokens(count, false),
    }
}

/// Returns the resident memory of this process in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = line
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .parse()
        .unwrap();
    kib * 1024
}

fn keys(count: u64) {
    let before = resident();
    let memory = MemoryCredentials::default();
    let create = |_| HeaderValue::try_from(memory.create_key(SCOPES).issued.key.expose()).unwrap();
    let hot: Vec<HeaderValue> = (0..HOT).map(create).collect();
    let service = AuthLayer::builder()
        .primary(memory.api_keys())
        .build()
        .unwrap();
    let service = service.layer(EmptyService::<()>::new());
    let mut runs = [requests(service, "x-api-key", hot, 200)];
    let account = Id::from_bytes([1; 20]);
    let mut present = HOT;
    let mut size = HOT;
    while size <= count {
        for number in present..size {
            let digest = SecretDigest::from_bytes([7; 32]);
            let digest = KeyDigest { pepper: 1, digest };
            let secret = StoredSecret::Key(KeyDigests::new(digest, None));
            let scopes = SCOPES.parse().unwrap();
            memory
                .directory
                .put(Credential::new(id(number), account, scopes, secret));
        }
        present = size;
        let ns = medians(&mut runs, 40)[0];
        let bytes = resident().saturating_sub(before) as f64 / size as f64;
        println!("{}", json!({ "keys": size, "ns": ns, "bytes": bytes }));
        size *= 10;
    }
}

/// Presents distinct tokens, on all cores.
fn tokens(count: u64, are_valid: bool) {
    let presented = AtomicU64::new(0);
    let (mint, request, jwt) = distinct();
    let present = |until: u64| {
        std::thread::scope(|scope| {
            for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(|| {
                    loop {
                        let number = presented.fetch_add(1, Ordering::Relaxed);
                        if number >= until {
                            return;
                        }
                        let token = mint.mint(&request).unwrap().token;
                        let token = match are_valid {
                            true => token.expose().to_owned(),
                            // Another signature of the same length: 43 characters, of which the last has unused bits.
                            false => {
                                let (message, _) = token.expose().rsplit_once('.').unwrap();
                                format!("{message}.{number:042}A")
                            }
                        };
                        let result = jwt.introspect(&token, SystemClock.now());
                        assert_eq!(result.is_ok(), are_valid);
                    }
                });
            }
        });
    };
    present(WARM);
    let before = resident();
    presented.store(WARM, Ordering::Relaxed);
    present(count);
    println!("{}", json!({ "before": before, "after": resident() }));
}
