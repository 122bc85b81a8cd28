//! Time as a parameter: [`Timestamp`], [`Clock`] and the operating system's clock, and [`BootClock`], which measures the age of
//! views.

mod boot_clock;
#[cfg(target_os = "linux")]
mod coarse;

use std::time::{Duration, SystemTime};

use ::time::OffsetDateTime;
use ::time::format_description::well_known::Rfc3339;

pub use boot_clock::BootClock;
#[cfg(feature = "boot-clock")]
pub use boot_clock::SystemBootClock;

/// The first and the last second that RFC 3339 can write.
const FIRST_SECOND: Timestamp = Timestamp::from_unix_seconds(-62_167_219_200);
const LAST_SECOND: Timestamp = Timestamp::from_unix_seconds(253_402_300_799);

/// A point in time, in milliseconds since 1970-01-01T00:00:00Z. Earlier ones are negative.
///
/// Tokens contain whole seconds (RFC 7519 §2, `NumericDate`), ids milliseconds. Arithmetic saturates,
/// so that no clock and no claim can make it wrap around.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Creates a timestamp from whole seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Creates a timestamp from milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_unix_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Returns the whole seconds since 1970-01-01T00:00:00Z, rounded down.
    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Returns the milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn unix_millis(self) -> i64 {
        self.0
    }

    /// Returns the point in time `duration` later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// Formats the timestamp as RFC 3339 in UTC, such as `2026-03-15T12:00:00Z`. The fraction of a second has at
    /// most three digits, and no trailing zeros.
    ///
    /// A timestamp outside the years 0000 to 9999, for which RFC 3339 has no form, is written as the first or the last
    /// second of these years.
    ///
    /// ```
    /// use countersign::time::Timestamp;
    ///
    /// let timestamp = Timestamp::from_unix_millis(1_773_576_000_123);
    /// assert_eq!(timestamp.to_rfc3339(), "2026-03-15T12:00:00.123Z");
    /// assert_eq!(Timestamp::parse_rfc3339("2026-03-15T06:00:00.123-06:00"), Ok(timestamp));
    /// assert!(Timestamp::parse_rfc3339("2026-03-15").is_err());
    /// ```
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        let mut text = self.to_rfc3339_with(Precision::Millis, 0);
        let digits = text.trim_end_matches('Z').trim_end_matches('0');
        text.truncate(digits.trim_end_matches('.').len());
        text.push('Z');
        text
    }

    /// Formats the timestamp as RFC 3339 with this precision, at an offset of this many hours from UTC, otherwise as
    /// [`to_rfc3339`](Self::to_rfc3339).
    #[must_use]
    pub fn to_rfc3339_with(self, precision: Precision, offset_hours: i8) -> String {
        let shift = i64::from(offset_hours) * 3_600_000;
        let local = self.0.saturating_add(shift);
        let local = local.clamp(FIRST_SECOND.0, LAST_SECOND.0);
        // The local time is written as if it were UTC, and the offset after it.
        let date_time = OffsetDateTime::from_unix_timestamp(local.div_euclid(1000))
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (year, month, day) = date_time.to_calendar_date();
        let (hour, minute, second) = date_time.to_hms();
        let mut text = String::with_capacity(32);
        // The years are those from 0 to 9999.
        push_digits(&mut text, year.unsigned_abs(), 1000);
        for (separator, number) in [
            ('-', u8::from(month)),
            ('-', day),
            ('T', hour),
            (':', minute),
            (':', second),
        ] {
            text.push(separator);
            push_digits(&mut text, number.into(), 10);
        }
        if precision == Precision::Millis {
            text.push('.');
            let millis = u32::try_from(local.rem_euclid(1000)).unwrap_or(0);
            push_digits(&mut text, millis, 100);
        }
        match offset_hours {
            0 => text.push('Z'),
            hours => {
                text.push(if hours < 0 { '-' } else { '+' });
                push_digits(&mut text, hours.unsigned_abs().into(), 10);
                text.push_str(":00");
            }
        }
        text
    }

    /// Parses a date and time in RFC 3339 with any offset. What is finer than a millisecond is cut off.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidTimestamp`] if the text is not a date and time in RFC 3339.
    pub fn parse_rfc3339(text: &str) -> Result<Self, InvalidTimestamp> {
        let timestamp = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| InvalidTimestamp)?;
        let millis = timestamp.unix_timestamp_nanos().div_euclid(1_000_000);
        let millis = i64::try_from(millis).map_err(|_| InvalidTimestamp)?;
        Ok(Self(millis))
    }
}

/// Writes a number in decimal digits, the first of which has this weight.
fn push_digits(text: &mut String, number: u32, mut weight: u32) {
    while weight > 0 {
        let digit = u8::try_from(number / weight % 10).unwrap_or(0);
        text.push(char::from(b'0' + digit));
        weight /= 10;
    }
}

/// How precisely [`Timestamp::to_rfc3339_with`] writes a timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precision {
    /// Whole seconds, rounded down.
    Seconds,
    /// Three digits of a second's fraction.
    Millis,
}

/// The error for a text that is not a date and time of RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a date and time in RFC 3339, such as 2026-03-15T12:00:00Z")]
#[non_exhaustive]
pub struct InvalidTimestamp;

/// A source of the current time. Types that authenticate or mint take a `Clock`, so that tests can
/// set the time.
///
/// ```
/// use countersign::time::{Clock, Timestamp};
///
/// struct Noon;
/// impl Clock for Noon {
///     fn now(&self) -> Timestamp {
///         Timestamp::from_unix_seconds(1_773_576_000)
///     }
/// }
/// assert_eq!(Noon.now().unix_seconds(), 1_773_576_000);
/// ```
pub trait Clock: Send + Sync + 'static {
    /// Returns the current time.
    fn now(&self) -> Timestamp;
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// The operating system's clock. On Linux, it is some milliseconds behind, since it advances with the timer of the kernel.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[cfg(target_os = "linux")]
        if let Some(now) = coarse::now() {
            return now;
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that reads the clock"
        )]
        let now = SystemTime::now();
        // A clock that is set before 1970 gives a negative timestamp, not a panic.
        let millis = match now.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |m| -m),
        };
        Timestamp(millis)
    }
}

impl serde::Serialize for Timestamp {
    /// Serializes the whole seconds since 1970-01-01T00:00:00Z.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.unix_seconds())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_formatted_as_rfc_3339_in_utc() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_773_576_000_123, "2026-03-15T12:00:00.123Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (500, "1970-01-01T00:00:00.5Z"),
            (-62_167_219_200_000, "0000-01-01T00:00:00Z"),
        ] {
            let timestamp = Timestamp::from_unix_millis(millis);
            assert_eq!(timestamp.to_rfc3339(), text);
            assert_eq!(Timestamp::parse_rfc3339(text), Ok(timestamp));
        }
    }

    #[test]
    fn timestamps_outside_the_years_of_rfc_3339_are_formatted_as_the_nearest_second() {
        for (millis, text) in [
            (i64::MAX, "9999-12-31T23:59:59Z"),
            (i64::MIN, "0000-01-01T00:00:00Z"),
        ] {
            let timestamp = Timestamp::from_unix_millis(millis);
            assert_eq!(timestamp.to_rfc3339(), text);
            let local = timestamp.to_rfc3339_with(Precision::Seconds, -6);
            assert_eq!(local, text.replace('Z', "-06:00"));
        }
    }

    #[test]
    fn timestamps_are_formatted_with_a_precision_and_an_offset() {
        let timestamp = Timestamp::from_unix_millis(1_773_599_700_123);
        for (precision, offset, text) in [
            (Precision::Seconds, 0, "2026-03-15T18:35:00Z"),
            (Precision::Millis, 0, "2026-03-15T18:35:00.123Z"),
            (Precision::Seconds, -6, "2026-03-15T12:35:00-06:00"),
            (Precision::Millis, 14, "2026-03-16T08:35:00.123+14:00"),
        ] {
            assert_eq!(timestamp.to_rfc3339_with(precision, offset), text);
        }
    }

    #[test]
    fn text_that_is_not_rfc_3339_is_rejected() {
        for text in [
            "",
            "2026-03-15",
            "2026-03-15T12:00:00",
            "2026-02-30T12:00:00Z",
            "1773576000",
        ] {
            assert_eq!(
                Timestamp::parse_rfc3339(text),
                Err(InvalidTimestamp),
                "{text}"
            );
        }
    }
}
