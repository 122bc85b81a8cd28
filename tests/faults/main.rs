//! Acknowledged changes survive crashes, power losses and failing disks. These tests run a few of each; the example
//! `crashes` runs any number.
//!
//! The tests need Linux and `cc`, which compiles the library `shim.c` that replaces functions of the C library.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod harness;

mod crashes;
mod disk;
mod exhausted_resources;
