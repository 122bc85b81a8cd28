//! The command line of `countersign-server`, without `serve`.
//!
//! It contains the configuration, the operations of administration, which the server presents over HTTP too, and the commands
//! that present them. It is a crate of its own, because it compiles beside the HTTP part of the server, and with less
//! optimization: a command runs once.
//!
//! The modules form layers: configuration, `issuer`, `ops` (what can be administrated), and `command` on top.
#![allow(
    missing_docs,
    missing_debug_implementations,
    clippy::exhaustive_enums,
    reason = "only the server uses this crate, and its README describes the settings and responses"
)]

pub mod command;
pub mod config;
pub mod error;
pub mod issuer;
pub mod ops;
pub mod schema;
