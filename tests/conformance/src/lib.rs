//! Compares middlewares with the suite of [`countersign_conformance`], over HTTP on the loopback interface. Each one is set
//! up as its own documentation recommends, around the same handler.

mod forward;
pub mod middlewares;
pub mod table;
