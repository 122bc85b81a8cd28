//! Small numbers of what the commands do, in processes of their own as there.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use std::process::Command;

#[track_caller]
fn passes(arguments: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign-propagation"));
    let output = command.args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{output:?}");
    assert!(text.contains("PASS"), "{text}");
}

#[test]
fn no_acknowledged_change_is_lost_and_no_revoked_key_works_after_kills_and_promotions() {
    passes(&["kill", "--kills", "6", "--promotions", "2"]);
}

#[test]
fn no_valid_token_is_rejected_when_signing_keys_rotate_and_a_node_is_late() {
    passes(&["rotate", "--rotations", "3", "--requests", "5"]);
}
