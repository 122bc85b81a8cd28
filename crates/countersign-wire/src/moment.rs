//! Moments as the wires write them (RFC 3339).

use countersign::time::Timestamp;
use time::format_description::well_known::Rfc3339;
use time::macros::{format_description, offset};
use time::{OffsetDateTime, UtcOffset};

/// `2026-03-15T12:00:00.000Z`.
pub(crate) fn utc_millis(moment: Timestamp) -> String {
    let form =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    at(moment, UtcOffset::UTC).format(form).unwrap_or_default()
}

/// `2026-03-15T12:00:00Z`.
pub(crate) fn utc_seconds(moment: Timestamp) -> String {
    let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    at(moment, UtcOffset::UTC).format(form).unwrap_or_default()
}

/// `2026-03-15T06:00:00-06:00`: the clock of Mexico City, which knows no summer time.
pub(crate) fn mexico_city(moment: Timestamp) -> String {
    let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]-06:00");
    at(moment, offset!(-6)).format(form).unwrap_or_default()
}

/// A moment in RFC 3339, with any offset.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let parsed = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let millis = parsed.unix_timestamp_nanos() / 1_000_000;
    Some(Timestamp::from_unix_millis(i64::try_from(millis).ok()?))
}

/// What lies outside the years that can be written is written as the first second of 1970.
fn at(moment: Timestamp, offset: UtcOffset) -> OffsetDateTime {
    let nanos = i128::from(moment.unix_millis()) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanos)
        .ok()
        .and_then(|moment| moment.checked_to_offset(offset))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_the_seeds_write_them() {
        let moment = Timestamp::from_unix_millis(1_773_599_700_123);
        assert_eq!(utc_millis(moment), "2026-03-15T18:35:00.123Z");
        assert_eq!(utc_seconds(moment), "2026-03-15T18:35:00Z");
        assert_eq!(mexico_city(moment), "2026-03-15T12:35:00-06:00");
        assert_eq!(parse("2026-03-15T12:35:00.123-06:00"), Some(moment));
        assert_eq!(parse("2026-03-15"), None);
    }
}
