use std::collections::HashSet;
use std::mem::{Discriminant, discriminant};

use crate::checker::{Exploration, Model, explore};
use crate::steps::{Arm, Step};
use crate::variant::{Protocol, Variant};

/// The command visits the states with three changes.
const PROTOCOL: Protocol = Protocol::of(2);
const WITH_VERIFIER: Protocol = Protocol {
    answering: 2,
    ..PROTOCOL
};

/// All steps of the protocol, without the deletion of old changes.
const STEPS: [Step; 20] = [
    Step::TakeNumber(0, 1),
    Step::Commit {
        writer: 0,
        change: 1,
        lost: [false; 2],
    },
    Step::ReadRows(0),
    Step::CompleteReceipt(0, 1, Arm::Elapsed),
    Step::CrashWriter(0),
    Step::EndTransaction(0),
    Step::Start(0),
    Step::Crash(0),
    Step::Leave(0),
    Step::Register(0),
    Step::Ask(0),
    Step::Answer(0, 0),
    Step::LoseQuestion(0),
    Step::Apply(0, 0),
    Step::Compare(0, 0),
    Step::Acknowledge(0, 1),
    Step::MarkLeaving(0),
    Step::RestartDatabase,
    Step::Promote,
    Step::PassTime([1; 6]),
];

/// All steps with a verifier.
const STEPS_OF_VERIFIER: [Step; 20] = [
    Step::TakeNumber(0, 1),
    Step::Commit {
        writer: 0,
        change: 1,
        lost: [false; 2],
    },
    Step::ReadRows(0),
    Step::CompleteReceipt(0, 1, Arm::Elapsed),
    Step::CrashWriter(0),
    Step::EndTransaction(0),
    Step::Start(0),
    Step::Crash(0),
    Step::Ask(0),
    Step::LoseQuestion(0),
    Step::Apply(0, 0),
    Step::WriteRow(0),
    Step::CompareToAnswer(0, 0),
    Step::AnswerVerifier {
        node: 0,
        head: 0,
        age: 0,
    },
    Step::NoteAcknowledgement(1),
    Step::StartAnew(0),
    Step::MarkLeaving(0),
    Step::RestartDatabase,
    Step::Promote,
    Step::PassTime([1; 6]),
];

#[test]
fn claim_holds_in_every_state_of_the_protocol() {
    assert_holds_everywhere(&PROTOCOL, &STEPS);
}

#[test]
fn claim_holds_in_every_state_for_a_verifier_that_asks_two_nodes() {
    assert_holds_everywhere(&WITH_VERIFIER, &STEPS_OF_VERIFIER);
}

fn assert_holds_everywhere(protocol: &Protocol, steps: &[Step]) {
    let (mut taken, mut arms) = (HashSet::<Discriminant<Step>>::new(), [false; 2]);
    let exploration = explore(protocol, |step| {
        taken.insert(discriminant(&step));
        if let Step::CompleteReceipt(_, _, arm) = step {
            arms[usize::from(arm == Arm::Elapsed)] = true;
        }
    });
    assert_holds(&exploration);
    // Otherwise the claim could hold because nothing happens.
    for step in steps {
        assert!(taken.contains(&discriminant(step)), "{step} never happens");
    }
    assert_eq!(taken.len(), steps.len());
    assert_eq!(arms, [true; 2]);
    assert!(exploration.states > 100_000, "{}", exploration.states);
}

#[test]
fn protocol_without_one_of_its_rules_has_a_counterexample() {
    for variant in Variant::ALL {
        let exploration = explore(&Protocol::without(variant), |_| {});
        let trace = exploration.counterexample;
        let trace = trace.unwrap_or_else(|| panic!("{} has no counterexample", variant.name()));
        assert_is_possible(&Protocol::without(variant), &trace);
        assert!(
            trace.len() <= 20,
            "{}: {} steps",
            variant.name(),
            trace.len()
        );
    }
}

fn assert_holds(exploration: &Exploration<Protocol>) {
    if let Some(trace) = &exploration.counterexample {
        let steps: Vec<String> = trace.iter().map(|(step, _)| step.to_string()).collect();
        panic!("the claim does not hold:\n{}", steps.join("\n"));
    }
}

/// Checks that each step of a trace is possible where it is taken, and that only its last state violates the claim.
fn assert_is_possible<M: Model<Step = Step>>(model: &M, trace: &[(Step, M::State)]) {
    let mut state = model.initial();
    for (number, &(step, next)) in trace.iter().enumerate() {
        let mut found = Vec::new();
        model.steps(&state, &mut found);
        assert!(found.iter().any(|&(s, n)| s == step && n == next), "{step}");
        assert_eq!(
            model.is_violated(&next),
            number + 1 == trace.len(),
            "{step}"
        );
        state = next;
    }
}
