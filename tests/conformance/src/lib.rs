//! Middlewares before the same handler, each set up as its own documentation recommends, and held to
//! [`countersign::testing::conformance`] over HTTP on the loopback.

mod forward;
pub mod subjects;
pub mod table;
