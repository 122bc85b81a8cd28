//! The distribution protocol as a model, of which every state is visited.
//!
//! ```text
//! cargo run --release -p countersign-distribution-model                 # two changes, and each variant that lacks a rule
//! cargo run --release -p countersign-distribution-model -- 3            # three changes: minutes, and gigabytes of memory
//! cargo run --release -p countersign-distribution-model -- any-rates    # two changes, and clocks that change their rates
//! cargo run --release -p countersign-distribution-model -- deletion     # two changes, and a log that is deleted from the beginning
//! cargo run --release -p countersign-distribution-model -- verifier     # three changes, and a verifier that asks one node, or two
//! cargo run --release -p countersign-distribution-model -- VARIANT      # the counterexample of one variant
//! ```
//!
//! `docs/distribution.md` describes the protocol. Two writers make three changes, and two nodes follow, or a verifier that asks nodes. All of them crash, pause
//! and lose connections at any time, and their clocks run at different rates.
#![allow(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a model that is run by its tests, without input"
)]

mod checker;
mod state;
mod steps;
#[cfg(test)]
mod tests;
mod variant;

use std::env;
use std::process::ExitCode;

use crate::checker::{Exploration, explore};
use crate::state::{CHANGES, OBSERVED};
use crate::variant::{Protocol, Rates, Variant};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let found = |name: &str| Variant::ALL.into_iter().find(|v| v.name() == name);
    match *arguments {
        [] => all(),
        ["1"] => search(&Protocol::of(1)),
        ["2"] => search(&Protocol::of(2)),
        ["3"] => search(&Protocol::of(CHANGES)),
        ["any-rates"] => search(&Protocol {
            rates: Rates::Any,
            ..Protocol::of(2)
        }),
        ["deletion"] => search(&Protocol {
            compacts: true,
            ..Protocol::of(2)
        }),
        ["verifier"] => verifier(),
        [name] if found(name).is_some() => {
            found(name).map_or(ExitCode::FAILURE, show_counterexample)
        }
        _ => {
            eprintln!(
                "usage: countersign-distribution-model [1 | 2 | 3 | any-rates | deletion | verifier | VARIANT], where VARIANT is one of"
            );
            for variant in Variant::ALL {
                eprintln!("  {:26} {}", variant.name(), variant.description());
            }
            ExitCode::from(2)
        }
    }
}

/// Visits the states with two changes, and shows the counterexample of each variant.
fn all() -> ExitCode {
    let mut code = search(&Protocol::of(2));
    for variant in Variant::ALL {
        if show_counterexample(variant) != ExitCode::SUCCESS {
            code = ExitCode::FAILURE;
        }
    }
    code
}

/// Visits the states with a verifier that asks one node, and those with one that asks two.
fn verifier() -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for answering in [1, 2] {
        println!("nodes that answer: {answering}");
        let protocol = Protocol {
            answering,
            ..Protocol::of(CHANGES)
        };
        if search(&protocol) != ExitCode::SUCCESS {
            code = ExitCode::FAILURE;
        }
    }
    code
}

/// Visits every state of the protocol.
fn search(protocol: &Protocol) -> ExitCode {
    let exploration = explore(protocol, |_| {});
    print_exploration(protocol, "the protocol", &exploration);
    match exploration.counterexample {
        None => ExitCode::SUCCESS,
        Some(_) => ExitCode::FAILURE,
    }
}

/// Prints the shortest trace to a state in which the claim does not hold. Fails if there is none.
fn show_counterexample(variant: Variant) -> ExitCode {
    let protocol = Protocol::without(variant);
    let exploration = explore(&protocol, |_| {});
    let title = format!("{}: {}", variant.name(), variant.description());
    print_exploration(&protocol, &title, &exploration);
    match exploration.counterexample {
        Some(_) => ExitCode::SUCCESS,
        None => ExitCode::FAILURE,
    }
}

fn print_exploration(protocol: &Protocol, title: &str, exploration: &Exploration<Protocol>) {
    let Exploration {
        states,
        steps,
        depth,
        counterexample,
    } = exploration;
    println!("{title}");
    let Some(trace) = counterexample else {
        println!("  the claim holds in {states} states, {steps} steps, depth {depth}\n");
        return;
    };
    for (number, (step, _)) in trace.iter().enumerate() {
        println!("  {:2}. {}", number + 1, protocol.describe(*step));
    }
    let observed = protocol.named(&format!("node {}", OBSERVED + 1));
    println!("      {observed} is fresh, and decides without a change whose receipt is complete");
    println!();
}
