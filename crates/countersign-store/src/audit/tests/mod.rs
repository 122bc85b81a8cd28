mod contents;
mod end;
mod log;
mod random;
mod support;
mod tampering;
