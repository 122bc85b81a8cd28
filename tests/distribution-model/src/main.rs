//! The distribution protocol as a model, of which every state is visited.
//!
//! ```text
//! cargo run --release -p countersign-distribution-model                 # the protocol, and each variant that lacks a rule
//! cargo run --release -p countersign-distribution-model -- VARIANT      # the counterexample of one variant
//! ```
//!
//! `docs/distribution.md` describes the protocol. Two writers make three changes, and two nodes follow. All of them crash, pause
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
    let found = |name: &String| Variant::ALL.into_iter().find(|v| v.name() == name);
    let variants: Option<Vec<Variant>> = arguments.iter().map(found).collect();
    match variants.as_deref() {
        Some([]) => all(),
        Some(&[variant]) => show_counterexample(variant),
        _ => {
            eprintln!("usage: countersign-distribution-model [VARIANT], where VARIANT is one of");
            for variant in Variant::ALL {
                eprintln!("  {:26} {}", variant.name(), variant.description());
            }
            ExitCode::from(2)
        }
    }
}

fn all() -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    let protocol = Protocol {
        variant: None,
        changes: CHANGES,
        compacts: false,
        rates: Rates::Worst,
    };
    let two_changes = Protocol {
        changes: 2,
        ..protocol
    };
    let compacts = Protocol {
        compacts: true,
        ..two_changes
    };
    let any_rates = Protocol {
        rates: Rates::Any,
        ..two_changes
    };
    for (title, protocol) in [
        ("three changes", protocol),
        (
            "two changes, and old changes are deleted from the log",
            compacts,
        ),
        ("two changes, and clocks with any rates", any_rates),
    ] {
        let exploration = explore(&protocol, |_| {});
        print_exploration(title, &exploration);
        if exploration.counterexample.is_some() {
            code = ExitCode::FAILURE;
        }
    }
    for variant in Variant::ALL {
        if show_counterexample(variant) != ExitCode::SUCCESS {
            code = ExitCode::FAILURE;
        }
    }
    code
}

/// Prints the shortest trace to a state in which the claim does not hold. Fails if there is none.
fn show_counterexample(variant: Variant) -> ExitCode {
    let exploration = explore(&Protocol::without(variant), |_| {});
    let title = format!("{}: {}", variant.name(), variant.description());
    print_exploration(&title, &exploration);
    match exploration.counterexample {
        Some(_) => ExitCode::SUCCESS,
        None => ExitCode::FAILURE,
    }
}

fn print_exploration(title: &str, exploration: &Exploration<Protocol>) {
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
        println!("  {:2}. {step}", number + 1);
    }
    println!(
        "      node {} is fresh, and decides without a change whose receipt is complete",
        OBSERVED + 1
    );
    println!();
}
