//! The structure of the sources: module dependencies without cycles and the layers of `countersign`.

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
