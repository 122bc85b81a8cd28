//! A node is stopped (SIGSTOP) while another one revokes a key, and continues.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::child::Process;
use crate::cluster::number;
use crate::figures::{Quantiles, check};
use crate::node::{Decision, Node};

/// How long a receipt is waited for.
const LIMIT: Duration = Duration::from_secs(9);
/// Whether the stopped node holds the lock of all changes, and the database waits for it.
const IN_TRANSACTION: &str = "
    SELECT count(*) FROM pg_stat_activity JOIN pg_locks USING (pid)
    WHERE application_name = 'frozen' AND state = 'idle in transaction' AND locktype = 'advisory' AND granted";

/// What was found.
#[derive(Clone, Debug)]
pub(crate) struct Frozen {
    pub(crate) name: &'static str,
    pub(crate) rounds: usize,
    /// How long a revocation took on another node.
    pub(crate) revocation: Quantiles,
    /// From the end of the revocation to the complete receipt.
    pub(crate) receipt: Quantiles,
    /// From the moment when the node continued to its first rejection.
    pub(crate) healed_after: Quantiles,
    /// How often the node accepted the key after it continued.
    pub(crate) accepted: usize,
    pub(crate) incomplete: usize,
}

/// Freezes a node of another process again and again. `writes`: in the middle of a transaction.
pub(crate) async fn measure(url: &str, here: &Arc<Node>, rounds: usize, writes: bool) -> Frozen {
    let mut there = Process::start(&format!("{url}?application_name=frozen"), writes);
    let [mut revocation, mut receipts, mut healed] = [const { Vec::new() }; 3];
    let (mut accepted, mut incomplete) = (0, 0);
    for _ in 0..rounds {
        let victim = here.create_key().await;
        assert!(here.store.wait_for_nodes(LIMIT).await.is_complete());
        assert_eq!(there.decide(&victim.secret), Decision::Accepted);
        freeze(url, &there, writes).await;
        let begun = Instant::now();
        assert!(here.revoke(victim.id).await);
        revocation.push(begun.elapsed());
        let committed = Instant::now();
        let receipt = here.store.wait_for_nodes(LIMIT).await;
        receipts.push(committed.elapsed());
        incomplete += usize::from(!receipt.is_complete());

        there.signal(Signal::CONT);
        let continued = Instant::now();
        loop {
            match there.decide(&victim.secret) {
                Decision::Accepted => accepted += 1,
                Decision::Rejected => break,
                Decision::Undecided => {}
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
            assert!(continued.elapsed() < Duration::from_secs(60));
        }
        healed.push(continued.elapsed());
    }
    let found = Frozen {
        name: match writes {
            true => "a node stopped in the middle of a transaction",
            false => "a node stopped",
        },
        rounds,
        revocation: Quantiles::of(&revocation),
        receipt: Quantiles::of(&receipts),
        healed_after: Quantiles::of(&healed),
        accepted,
        incomplete,
    };
    println!("\n{}: {rounds} times", found.name);
    println!(
        "  the revocation on another node        {}",
        found.revocation
    );
    println!("  commit to receipt                     {}", found.receipt);
    println!(
        "  continued to rejection                {}",
        found.healed_after
    );
    println!("  {accepted} accepted after the node continued; {incomplete} receipts incomplete");
    found
}

impl Frozen {
    pub(crate) fn check(&self) -> bool {
        check(
            &format!(
                "{}: no revoked key is accepted when it continues",
                self.name
            ),
            self.accepted == 0 && self.incomplete == 0,
        ) & check(
            &format!("{}: it rejects within 1 s", self.name),
            self.healed_after.max <= Duration::from_secs(1),
        )
    }
}

/// Stops the node, if need be in the middle of a transaction.
async fn freeze(url: &str, node: &Process, in_transaction: bool) {
    for attempt in 0.. {
        assert!(attempt < 2000, "it is never in a transaction");
        node.signal(Signal::STOP);
        // What it has sent is answered.
        tokio::time::sleep(Duration::from_millis(20)).await;
        if !in_transaction || number(url, IN_TRANSACTION).await > 0 {
            return;
        }
        node.signal(Signal::CONT);
        tokio::time::sleep(Duration::from_millis(5 + attempt % 7)).await;
    }
}
