//! Parsers of the values in requests.

use std::fmt::Display;
use std::time::Duration;

use countersign::directory::Networks;
use countersign::registry::Owner;
use countersign::time::{Clock as _, SystemClock, Timestamp};
use countersign::{Id, Scopes};
use countersign_cli::config::value;

use super::error::{AdminError, Result};

/// Returns the error of an invalid value: what is invalid, and why.
pub(super) fn invalid<E: Display>(
    code: &'static str,
    what: &'static str,
) -> impl FnOnce(E) -> AdminError {
    move |error| AdminError::invalid(code, format!("{what}: {error}."))
}

pub(super) fn id(text: &str) -> Result<Id> {
    text.parse()
        .map_err(invalid("invalid_id", "The id is invalid"))
}

pub(super) fn scopes(list: &[String]) -> Result<Scopes> {
    let scopes = Scopes::from_list(list.iter().map(String::as_str));
    scopes.map_err(invalid("invalid_scope", "`scopes` is invalid"))
}

pub(super) fn name(text: &str) -> Result<String> {
    value::name(text).map_err(invalid("invalid_name", "`name`"))
}

pub(super) fn reason(text: Option<&str>) -> Result<Option<String>> {
    let reason = text.map(value::reason).transpose();
    reason.map_err(invalid("invalid_reason", "`reason`"))
}

pub(super) fn networks(list: &[String]) -> Result<Networks> {
    let networks = Networks::from_list(list.iter().map(String::as_str));
    networks.map_err(invalid("invalid_network", "`allow_from` is invalid"))
}

pub(super) fn owner(account: Option<&str>, environment: Option<&str>) -> Result<Owner> {
    Ok(Owner {
        account: account.map(id).transpose()?,
        environment: environment.map(id).transpose()?,
    })
}

/// Parses the time at which a credential expires, which must be in the future.
pub(super) fn expiry(text: Option<&str>) -> Result<Option<Timestamp>> {
    let Some(text) = text else {
        return Ok(None);
    };
    let detail =
        "`expires_at` must be a time in the future in RFC 3339, such as 2030-01-01T00:00:00Z.";
    Timestamp::parse_rfc3339(text)
        .ok()
        .filter(|expiry| *expiry > SystemClock.now())
        .map(Some)
        .ok_or_else(|| AdminError::invalid("invalid_expiry", detail))
}

/// Converts a number of seconds, which must be at most this many days.
pub(super) fn seconds(
    name: &'static str,
    seconds: Option<u64>,
    max_days: u64,
) -> Result<Option<Duration>> {
    if seconds.is_some_and(|seconds| seconds > max_days * 24 * 3600) {
        let detail = format!("`{name}` must be at most {max_days} days.");
        return Err(AdminError::invalid("out_of_range", detail));
    }
    Ok(seconds.map(Duration::from_secs))
}
