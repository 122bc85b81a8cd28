//! The structure of the sources: module dependencies without cycles, the layers of `countersign`, and retired words.

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
mod sources;
mod vocabulary;
