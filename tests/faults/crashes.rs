//! Crashes at random moments: see `harness/campaign.rs` for what is checked after each.

use crate::harness::{Campaign, Kind, Program};

const SEED: u64 = 7;

fn survives(kind: Kind, times: usize) {
    let mut campaign = Campaign::new(&Program::build(false), SEED).unwrap();
    for _ in 0..times {
        campaign
            .crash(kind)
            .unwrap_or_else(|violation| panic!("{violation}"));
    }
    assert!(
        campaign.report().acknowledged > 0,
        "{:?}",
        campaign.report()
    );
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_done_by_half_when_processes_are_killed() {
    survives(Kind::Kill, 20);
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_done_by_half_when_the_power_is_lost() {
    survives(Kind::PowerLoss, 10);
}

#[test]
fn a_store_that_acknowledges_what_is_not_on_the_disk_is_found_out() {
    let campaign = Campaign::new(&Program::build(false), SEED).unwrap();
    let mut campaign = campaign.on_a_lying_disk();
    let found = (0..20).any(|_| campaign.crash(Kind::PowerLoss).is_err());
    assert!(found, "nothing is lost on a disk that lies");
}
