//! The simulated disk of the other tests.

use std::fs;
use std::process::Command;

use countersign_tests::xorshift::XorShift;

use crate::harness::{Disk, Switch};

/// Runs commands on the disk.
fn run(disk: &Disk, commands: &str) {
    let mut shell = Command::new("sh");
    shell.args(["-ec", commands]).current_dir(disk.live());
    disk.load(&mut shell);
    assert!(shell.status().unwrap().success(), "{commands}");
}

/// Returns all contents that a file had after a power loss, each once; `None` if the file was missing.
fn contents_after_power_loss(disk: &Disk, name: &str, commands: &str) -> Vec<Option<String>> {
    let mut contents = Vec::new();
    let mut chance = XorShift::new(1);
    for _ in 0..40 {
        run(disk, "rm -f -- *");
        disk.synchronise();
        run(disk, commands);
        disk.lose_power(&mut chance);
        let found = fs::read(disk.live().join(name)).ok();
        let found = found.map(|bytes| String::from_utf8(bytes).unwrap().replace('\0', ""));
        if !contents.contains(&found) {
            contents.push(found);
        }
    }
    contents.sort();
    contents
}

#[test]
fn only_synchronised_data_always_survives_a_power_loss() {
    let disk = Disk::new();
    disk.set(Switch::Mirror, 1);
    let (none, empty) = (None, Some(String::new()));
    let text = |text: &str| Some(format!("{text}\n"));
    let cases = [
        ("echo a >f; sync f .", vec![text("a")]),
        ("echo a >f; sync f", vec![none.clone(), text("a")]),
        ("echo a >f; sync .", vec![empty.clone(), text("a")]),
        ("echo a >f", vec![none.clone(), empty, text("a")]),
        ("echo a >f; sync f .; echo b >f; sync f", vec![text("b")]),
        ("echo a >f; sync f .; rm f", vec![none.clone(), text("a")]),
        ("echo a >f; sync f .; rm f; sync .", vec![none]),
    ];
    for (commands, expected) in cases {
        assert_eq!(
            contents_after_power_loss(&disk, "f", commands),
            expected,
            "{commands}"
        );
    }
}
