//! Parsers of the values in requests.

use std::time::Duration;

use countersign::directory::Networks;
use countersign::registry::Owner;
use countersign::time::{Clock as _, SystemClock, Timestamp};
use countersign::{Id, Scopes};

use super::error::AdminError;
use crate::config::value;

pub(super) fn id(text: &str) -> Result<Id, AdminError> {
    text.parse()
        .map_err(|error| AdminError::invalid("invalid_id", format!("The id is invalid: {error}.")))
}

pub(super) fn scopes(list: &[String]) -> Result<Scopes, AdminError> {
    let scopes = Scopes::from_list(list.iter().map(String::as_str));
    scopes.map_err(|error| {
        AdminError::invalid("invalid_scope", format!("`scopes` is invalid: {error}."))
    })
}

pub(super) fn name(text: &str) -> Result<String, AdminError> {
    let name = value::name(text);
    name.map_err(|error| AdminError::invalid("invalid_name", format!("`name`: {error}.")))
}

pub(super) fn reason(text: Option<&str>) -> Result<Option<String>, AdminError> {
    let reason = text.map(value::reason).transpose();
    reason.map_err(|error| AdminError::invalid("invalid_reason", format!("`reason`: {error}.")))
}

pub(super) fn networks(list: &[String]) -> Result<Networks, AdminError> {
    let networks = Networks::from_list(list.iter().map(String::as_str));
    networks.map_err(|error| {
        AdminError::invalid(
            "invalid_network",
            format!("`allow_from` is invalid: {error}."),
        )
    })
}

pub(super) fn owner(account: Option<&str>, environment: Option<&str>) -> Result<Owner, AdminError> {
    Ok(Owner {
        account: account.map(id).transpose()?,
        environment: environment.map(id).transpose()?,
    })
}

/// Parses the time at which a credential expires, which must be in the future.
pub(super) fn expiry(text: Option<&str>) -> Result<Option<Timestamp>, AdminError> {
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
) -> Result<Option<Duration>, AdminError> {
    if seconds.is_some_and(|seconds| seconds > max_days * 24 * 3600) {
        let detail = format!("`{name}` must be at most {max_days} days.");
        return Err(AdminError::invalid("out_of_range", detail));
    }
    Ok(seconds.map(Duration::from_secs))
}
