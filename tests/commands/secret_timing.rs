//! Measures whether the time of an authentication depends on the secret (CWE-208), or reveals whether an id exists
//! (CWE-204).
//!
//!     cargo run --release -p countersign-tests --example secret_timing [SAMPLES]
//!
//! Two kinds of invalid keys are authenticated in random order, 1,000,000 of each by default, and compared without the
//! slowest 5 %. Wrong secrets are compared with Welch's t-test, as dudect does: |t| below 4.5 means that no difference
//! was found. An unknown id and a wrong secret may differ by 5 %, since only one of them has a record to read.

#![allow(
    missing_docs,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a command that measures time"
)]

use std::hint::black_box;
use std::time::Instant;

use countersign::credentials::{Credentials, RequestHead};
use countersign::key::{self, KeyPrefix};
use countersign::mechanism::{Basic, Mechanism};
use countersign::random::{Random as _, SystemRandom};
use countersign::time::{Clock as _, SystemClock};
use countersign::{Id, Secret};
use countersign_tests::MemoryCredentials;

fn main() {
    let samples = std::env::args()
        .nth(1)
        .map_or(1_000_000, |text| text.parse().unwrap());
    let memory = MemoryCredentials::default();
    let known = memory.create_key("calls:read");
    let id = known.record.id;
    let right = known.issued.secret.expose();
    let other = |character: u8| if character == b'0' { '1' } else { '0' };
    let first_wrong = format!("{}{}", other(right.as_bytes()[0]), &right[1..]);
    let last_wrong = format!("{}{}", &right[..42], other(right.as_bytes()[42]));
    let pair = |secret: String| {
        move || Credentials::client(Secret::from(id.to_string()), Secret::from(secret.clone()))
    };
    let basic = Basic::new(memory.directory.clone(), memory.peppers.clone());
    let name = "secret with a wrong first or last character";
    let places = compare(
        name,
        samples,
        &basic,
        [&pair(first_wrong), &pair(last_wrong)],
    );

    let keys = memory.api_keys();
    let fresh = |id: Id| {
        let issued = key::generate(&KeyPrefix::default(), &id, &SystemRandom).unwrap();
        move || Credentials::key(issued.key.clone())
    };
    let unknown = Id::new(SystemClock.now(), &id, &SystemRandom).unwrap();
    let states = compare(
        "unknown id or wrong secret",
        samples,
        &keys,
        [&fresh(unknown), &fresh(id)],
    );
    let clear = places.t.abs() < 4.5 && states.difference.abs() < 0.05;
    println!(
        "{}",
        if clear {
            "no difference found"
        } else {
            "DIFFERENCE FOUND"
        }
    );
    std::process::exit(i32::from(!clear));
}

struct Comparison {
    t: f64,
    /// The difference of the means, relative to the first.
    difference: f64,
}

fn compare(
    name: &str,
    samples: usize,
    mechanism: &impl Mechanism,
    kinds: [&dyn Fn() -> Credentials; 2],
) -> Comparison {
    let now = SystemClock.now();
    let mut times: [Vec<f64>; 2] = [Vec::with_capacity(samples), Vec::with_capacity(samples)];
    let mut order = vec![0; samples * 2];
    SystemRandom.fill(&mut order).unwrap();
    for byte in order {
        let kind = usize::from(byte & 1);
        // Created anew each time, so that neither kind has its own place in memory.
        let credentials = black_box(kinds[kind]());
        let begun = Instant::now();
        black_box(mechanism.try_authenticate(&credentials, &RequestHead::empty(), now));
        times[kind].push(begun.elapsed().as_nanos() as f64);
    }
    let mut all: Vec<f64> = times.concat();
    all.sort_unstable_by(f64::total_cmp);
    let slowest = all[all.len() * 95 / 100];
    let [a, b] =
        times.map(|times| statistics(times.into_iter().filter(move |&time| time <= slowest)));
    let t = (a.mean - b.mean) / (a.variance / a.count + b.variance / b.count).sqrt();
    let difference = (b.mean - a.mean) / a.mean;
    println!(
        "{name}: {:.1} ns and {:.1} ns ({:+.2} %), t = {t:.2} over {:.0} and {:.0}",
        a.mean,
        b.mean,
        difference * 100.0,
        a.count,
        b.count
    );
    Comparison { t, difference }
}

struct Statistics {
    count: f64,
    mean: f64,
    variance: f64,
}

fn statistics(times: impl Iterator<Item = f64> + Clone) -> Statistics {
    let count = times.clone().count() as f64;
    let mean = times.clone().sum::<f64>() / count;
    let variance = times.map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
    Statistics {
        count,
        mean,
        variance,
    }
}
