//! Cycles between the top-level modules of a crate.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::dependencies::Dependencies;
use crate::sources::Sources;

const CRATES: [&str; 7] = [
    "countersign",
    "countersign-cli",
    "countersign-client",
    "countersign-conformance",
    "countersign-wire",
    "countersign-store",
    "countersign-server",
];

/// Returns the modules of the largest cycle, which is empty if there is none.
pub(crate) fn largest_cycle(dependencies: &Dependencies) -> BTreeSet<String> {
    let cycles = dependencies.modules.iter().map(|module| {
        let reached = reachable(dependencies, module);
        let on_cycle = |other: &&String| reachable(dependencies, other).contains(module.as_str());
        if reached.contains(module.as_str()) {
            let modules = dependencies.modules.iter();
            let reached = modules.filter(|other| reached.contains(other.as_str()));
            reached.filter(on_cycle).cloned().collect()
        } else {
            BTreeSet::new()
        }
    });
    cycles.max_by_key(BTreeSet::len).unwrap_or_default()
}

/// Returns the modules that a module uses directly or indirectly.
fn reachable<'a>(dependencies: &'a Dependencies, module: &'a str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut pending: Vec<&str> = dependencies.of_module(module).collect();
    while let Some(next) = pending.pop() {
        if reached.insert(next) {
            pending.extend(dependencies.of_module(next));
        }
    }
    reached
}

/// Describes the dependencies inside a cycle, with an example of each.
fn describe(dependencies: &Dependencies, cycle: &BTreeSet<String>) -> String {
    let mut text = format!("a cycle of {} modules:", cycle.len());
    for ((from, to), example) in &dependencies.edges {
        if cycle.contains(from) && cycle.contains(to) {
            let _ = write!(text, "\n  {from} -> {to}   ({example})");
        }
    }
    text
}

#[test]
fn modules_of_every_crate_have_no_cycle() {
    let mut failures = String::new();
    for name in CRATES {
        let dependencies = Dependencies::of(&Sources::of_crate(name));
        let cycle = largest_cycle(&dependencies);
        if !cycle.is_empty() {
            let _ = writeln!(failures, "{name} has {}", describe(&dependencies, &cycle));
        }
    }
    assert!(failures.is_empty(), "{failures}");
}
