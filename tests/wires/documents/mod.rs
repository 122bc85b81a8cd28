//! The wires of four vendors, checked against the examples of their documentation. The wire `managed` is tested in
//! `tests/resources`.

mod envelope;
mod key_secret;
mod scoped;
mod session;
