//! The structure of the sources: module dependencies without cycles, the layers of `countersign`, retired words, and the
//! tests of the promises in `SECURITY.md`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod cycles;
mod dependencies;
mod layers;
mod planted;
mod security_promises;
mod sources;
mod vocabulary;
