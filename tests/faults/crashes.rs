//! Crashes at random times; `harness/check.rs` checks the data after each.

use crate::harness::{Campaign, Kind, Program};

const SEED: u64 = 7;

fn assert_survives(kind: Kind, times: usize) {
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
fn acknowledged_changes_survive_and_others_are_atomic_when_processes_are_killed() {
    assert_survives(Kind::Kill, 20);
}

#[test]
fn acknowledged_changes_survive_and_others_are_atomic_when_the_power_is_lost() {
    assert_survives(Kind::PowerLoss, 10);
}

#[test]
fn the_campaign_detects_a_disk_that_acknowledges_unsynchronised_writes() {
    let campaign = Campaign::new(&Program::build(false), SEED).unwrap();
    let mut campaign = campaign.with_ignored_syncs();
    let found = (0..20).any(|_| campaign.crash(Kind::PowerLoss).is_err());
    assert!(found, "no data was lost");
}
