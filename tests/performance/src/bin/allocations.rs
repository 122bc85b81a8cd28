//! Prints the allocations of paths: `allocations PATH…`. It is a program of its own, because its allocator takes time.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a measurement")]

use std::env;

use countersign_performance::in_process::{Material, path};

const REPETITIONS: u64 = 10;

fn main() {
    let material = Material::load();
    let _runtime = material.enter();
    for name in env::args().skip(1) {
        let mut run = path(&material, &name).unwrap_or_else(|| panic!("{name} is unknown"));
        run(3);
        let measured = allocation_counter::measure(|| run(REPETITIONS));
        println!("{}\t{name}", measured.count_total / REPETITIONS);
    }
}
