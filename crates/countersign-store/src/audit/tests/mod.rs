mod log;
mod random;
mod support;
mod tampering;
