//! The attacks, one in each module.

pub(crate) mod admin_flood;
pub(crate) mod clock;
pub(crate) mod csrf;
pub(crate) mod growth;
pub(crate) mod key_flood;
pub(crate) mod lockout;
pub(crate) mod many_connections;
pub(crate) mod pipeline;
pub(crate) mod reload;
pub(crate) mod window_zero;

mod operator;
mod records;
mod unread;
