//! The lines of the log.

use std::cell::RefCell;
use std::fmt::{self, Write};

use countersign::time::{Clock as _, Precision, SystemClock, Timestamp};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{Format, Full, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::request::request_id;

/// Writes an event as a line.
pub(super) enum Line {
    /// For people.
    Text(Format<Full>),
    /// One JSON object.
    Json,
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        match self {
            Self::Json => json(&mut writer, event),
            Self::Text(format) => {
                let mut line = String::new();
                format.format_event(ctx, Writer::new(&mut line), event)?;
                writer.write_str(line.trim_end())?;
                if let Some(id) = request_id() {
                    write!(writer, " request_id={id}")?;
                }
                writeln!(writer)
            }
        }
    }
}

fn json(writer: &mut Writer<'_>, event: &Event<'_>) -> fmt::Result {
    let metadata = event.metadata();
    writer.write_str(r#"{"timestamp":""#)?;
    write_time(writer, SystemClock.now())?;
    writer.write_str(r#"","level":""#)?;
    writer.write_str(metadata.level().as_str())?;
    writer.write_char('"')?;
    let mut members = Members {
        writer,
        result: Ok(()),
    };
    event.record(&mut members);
    members.result?;
    writer.write_str(r#","target":""#)?;
    writer.write_str(metadata.target())?;
    writer.write_char('"')?;
    if let Some(id) = request_id() {
        writer.write_str(r#","span":{"id":""#)?;
        writer.write_str(id.as_str())?;
        writer.write_str(r#"","name":"request"}"#)?;
    }
    writer.write_str("}\n")
}

/// Writes a time in RFC 3339, with three digits of a second's fraction.
fn write_time(writer: &mut impl Write, time: Timestamp) -> fmt::Result {
    thread_local! {
        /// The second of the last line, and its text without the fraction: most lines are of the second of the line before.
        static LAST: RefCell<(i64, String)> = RefCell::new((0, text_of_second(0)));
    }
    let second = time.unix_seconds();
    LAST.with_borrow_mut(|(last, text)| {
        if *last != second {
            (*last, *text) = (second, text_of_second(second));
        }
        writer.write_str(text)
    })?;
    write!(writer, ".{:03}Z", time.unix_millis().rem_euclid(1000))
}

/// Returns a second in RFC 3339, without the `Z`.
fn text_of_second(second: i64) -> String {
    let second = Timestamp::from_unix_seconds(second);
    let mut text = second.to_rfc3339_with(Precision::Seconds, 0);
    text.pop();
    text
}

/// Writes the fields of an event as members of an object.
struct Members<'a, 'w> {
    writer: &'a mut Writer<'w>,
    result: fmt::Result,
}

impl Members<'_, '_> {
    fn member(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.result.is_ok() {
            self.result = write_name(self.writer, field.name());
        }
        if self.result.is_ok() {
            self.result = value(self.writer);
        }
    }

    fn number(&mut self, field: &Field, value: impl fmt::Display) {
        self.member(field, |writer| write!(writer, "{value}"));
    }
}

impl Visit for Members<'_, '_> {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        match value.is_finite() {
            true => self.number(field, value),
            false => self.number(field, "null"),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.number(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.member(field, |writer| {
            writer.write_char('"')?;
            Escaped(writer).write_str(value)?;
            writer.write_char('"')
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.member(field, |writer| {
            writer.write_char('"')?;
            write!(Escaped(writer), "{value:?}")?;
            writer.write_char('"')
        });
    }
}

fn write_name(writer: &mut Writer<'_>, name: &str) -> fmt::Result {
    writer.write_str(",\"")?;
    writer.write_str(name)?;
    writer.write_str("\":")
}

/// Writes text into a string of JSON (RFC 8259 §7).
struct Escaped<'a, 'w>(&'a mut Writer<'w>);

impl Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        let is_special = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
        while let Some(at) = rest.bytes().position(is_special) {
            let (plain, special) = rest.split_at(at);
            self.0.write_str(plain)?;
            let mut special = special.chars();
            match special.next() {
                Some(c @ ('"' | '\\')) => write!(self.0, "\\{c}")?,
                Some(c) => write!(self.0, "\\u{:04x}", u32::from(c))?,
                None => {}
            }
            rest = special.as_str();
        }
        self.0.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use countersign::random::SystemRandom;
    use countersign::time::Timestamp;
    use countersign_wire::RequestId;
    use serde_json::{Value, json};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::super::request::for_request;
    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(line: Line, log: impl FnOnce()) -> String {
        let written = Written::default();
        let writer = written.clone();
        let lines = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .event_format(line);
        let subscriber = tracing_subscriber::registry().with(lines);
        tracing::subscriber::with_default(subscriber, log);
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn line_of_json_has_every_field_and_the_request() {
        let id = RequestId::new(Timestamp::from_unix_seconds(7), &SystemRandom);
        let line = logged(Line::Json, || {
            for_request(id.clone(), || {
                let error = "a \"quoted\"\nline \\ \u{7}é";
                tracing::info!(
                    number = -1,
                    count = 2_u64,
                    ratio = 0.5,
                    infinite = f64::INFINITY,
                    flag = true,
                    missing = None::<u8>,
                    %error,
                    text = error,
                    list = ?[1, 2],
                    "message with {{}}"
                );
            });
        });
        let mut line: Value = serde_json::from_str(&line).unwrap();
        let timestamp = line.as_object_mut().unwrap().remove("timestamp").unwrap();
        Timestamp::parse_rfc3339(timestamp.as_str().unwrap()).unwrap();
        let error = "a \"quoted\"\nline \\ \u{7}é";
        let expected = json!({
            "level": "INFO", "message": "message with {}", "number": -1, "count": 2, "ratio": 0.5, "infinite": null,
            "flag": true, "error": error, "text": error, "list": "[1, 2]", "target": module_path!(),
            "span": { "id": id.as_str(), "name": "request" },
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn time_of_a_line_has_milliseconds() {
        for (millis, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_773_576_000_007, "2026-03-15T12:00:00.007Z"),
            (1_773_576_000_999, "2026-03-15T12:00:00.999Z"),
            (1_773_576_001_000, "2026-03-15T12:00:01.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            let mut text = String::new();
            write_time(&mut text, Timestamp::from_unix_millis(millis)).unwrap();
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn line_of_text_has_the_request_if_there_is_one() {
        let id = RequestId::new(Timestamp::from_unix_seconds(7), &SystemRandom);
        let text = || Line::Text(tracing_subscriber::fmt::format());
        let line = logged(text(), || {
            for_request(id.clone(), || tracing::warn!(n = 1, "careful"));
        });
        assert!(
            line.ends_with(&format!(": careful n=1 request_id={id}\n")),
            "{line}"
        );
        let line = logged(text(), || tracing::warn!(n = 1, "careful"));
        assert!(line.ends_with(": careful n=1\n"), "{line}");
        let line = logged(Line::Json, || tracing::warn!("careful"));
        assert!(
            line.ends_with("\"target\":\"countersign_server::logging::format::tests\"}\n"),
            "{line}"
        );
    }
}
