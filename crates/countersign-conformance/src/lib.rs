#![doc = include_str!("../README.md")]

mod case;
mod cases;
mod client;
mod received;
mod report;
mod suite;
mod target;

pub use case::{Case, Expected, Group, Level};
pub use client::UrlError;
pub use report::{CaseOutcome, Report};
pub use suite::Suite;
pub use target::{CallCounter, Target};

/// The error of a closure or a service that a user of this crate supplies.
type BoxError = Box<dyn std::error::Error + Send + Sync>;
