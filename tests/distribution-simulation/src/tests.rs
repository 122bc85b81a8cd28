use crate::faults::KINDS;
use crate::statistics::Statistics;
use crate::variant::Variant;
use crate::world::run;

#[test]
fn claim_holds_for_200_seeds() {
    let mut all = Statistics::default();
    for seed in 0..200 {
        let (statistics, violation) = run(seed, None, false);
        if let Some(violation) = violation {
            panic!("seed {seed}: {violation}");
        }
        all.add(statistics);
    }
    // Otherwise the claim could hold because nothing happens.
    for (kind, count) in KINDS.iter().zip(all.faults) {
        assert!(count > 20, "{kind}: {count}");
    }
    assert!(all.changes > 5_000, "{} changes", all.changes);
    assert!(
        all.acknowledged > 1_000,
        "{} acknowledged",
        all.acknowledged
    );
    assert!(all.elapsed > 200, "{} elapsed", all.elapsed);
    assert!(all.lost > 1_000, "{} lost", all.lost);
    assert!(all.doubled > 1_000, "{} doubled", all.doubled);
}

#[test]
fn protocol_without_one_of_its_rules_violates_the_claim() {
    for variant in Variant::ALL {
        let violated = (0..500).find_map(|seed| run(seed, Some(variant), false).1);
        assert!(violated.is_some(), "{}", variant.name());
    }
}

#[test]
fn seed_determines_everything_that_happens() {
    assert_eq!(run(1, None, false), run(1, None, false));
    assert_ne!(run(1, None, false), run(2, None, false));
}
