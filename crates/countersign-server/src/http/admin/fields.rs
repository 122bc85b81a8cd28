//! The values that requests name things by, each checked where it is read.

use std::time::Duration;

use countersign::Scopes;
use countersign::directory::Networks;
use countersign::registry::Owner;
use countersign::time::{Clock as _, SystemClock, Timestamp};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::extract::id;
use super::problem::Problem;
use crate::config::value;

const LONGEST_NAME: usize = 128;
const LONGEST_REASON: usize = 256;

pub(super) fn scopes(list: &[String]) -> Result<Scopes, Problem> {
    let scopes = Scopes::from_list(list.iter().map(String::as_str));
    scopes.map_err(|flaw| Problem::invalid("invalid_scope", format!("`scopes`: {flaw}.")))
}

/// What people call something. It is shown on terminals.
pub(super) fn name(text: String) -> Result<String, Problem> {
    if value::is_line(&text, LONGEST_NAME) {
        Ok(text)
    } else {
        let detail = "`name` has 1 to 128 characters, none of which controls how text is shown.";
        Err(Problem::invalid("invalid_name", detail))
    }
}

pub(super) fn reason(text: Option<String>) -> Result<Option<String>, Problem> {
    if text
        .as_ref()
        .is_none_or(|text| value::is_line(text, LONGEST_REASON))
    {
        Ok(text)
    } else {
        let detail = "`reason` has 1 to 256 characters, none of which controls how text is shown.";
        Err(Problem::invalid("invalid_reason", detail))
    }
}

pub(super) fn networks(list: &[String]) -> Result<Networks, Problem> {
    let networks = Networks::from_list(list.iter().map(String::as_str));
    networks.map_err(|flaw| Problem::invalid("invalid_network", format!("`allow_from`: {flaw}.")))
}

pub(super) fn owner(account: Option<&str>, environment: Option<&str>) -> Result<Owner, Problem> {
    Ok(Owner {
        account: account.map(id).transpose()?,
        environment: environment.map(id).transpose()?,
    })
}

/// When something ends: a moment that is still to come.
pub(super) fn end(text: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = text else {
        return Ok(None);
    };
    let detail =
        "`expires_at` is a moment to come as RFC 3339 writes it, such as 2030-01-01T00:00:00Z.";
    moment(text)
        .filter(|end| *end > SystemClock.now())
        .map(Some)
        .ok_or_else(|| Problem::invalid("invalid_expiry", detail))
}

fn moment(text: &str) -> Option<Timestamp> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let millis = i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok()?;
    Some(Timestamp::from_unix_millis(millis))
}

/// A number of seconds that is at most so many days, or else the usual one.
pub(super) fn seconds(
    name: &'static str,
    given: Option<u64>,
    usual: Duration,
    days: u64,
) -> Result<Duration, Problem> {
    match given {
        None => Ok(usual),
        Some(seconds) if seconds <= days * 24 * 3600 => Ok(Duration::from_secs(seconds)),
        Some(_) => {
            let detail = format!("`{name}` is at most {days} days.");
            Err(Problem::invalid("out_of_range", detail))
        }
    }
}
