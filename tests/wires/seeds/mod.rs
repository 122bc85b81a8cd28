//! Every example of the documents whose wires these are, by the document's number. 002 has tests of its own.

mod seed_000;
mod seed_001;
mod seed_003;
mod seed_004;
