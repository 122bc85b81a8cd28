//! What a crash, a power loss and a disk that fails may not do to what was acknowledged (security.md, F1, F2
//! and F4). A few of each; `--example crashes` does as many as it is told.
//!
//! For Linux, since `shim.c` stands between the program and the C library; `cc` compiles it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test program: what goes wrong ends the test"
)]

mod harness;

mod crashes;
mod disk;
mod exhausted_resources;
