//! The lines of the log.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{Format, Full, Writer};
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
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
    SystemTime.format_time(writer)?;
    write!(writer, r#"","level":"{}""#, metadata.level())?;
    let mut members = Members {
        writer,
        result: Ok(()),
    };
    event.record(&mut members);
    members.result?;
    write!(writer, r#","target":"{}""#, metadata.target())?;
    if let Some(id) = request_id() {
        write!(writer, r#","span":{{"id":"{id}","name":"request"}}"#)?;
    }
    writeln!(writer, "}}")
}

/// Writes the fields of an event as members of an object.
struct Members<'a, 'w> {
    writer: &'a mut Writer<'w>,
    result: fmt::Result,
}

impl Members<'_, '_> {
    fn member(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.result.is_ok() {
            self.result = write!(self.writer, r#","{}":"#, field.name());
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
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.member(field, |writer| {
            writer.write_char('"')?;
            write!(Escaped(writer), "{value:?}")?;
            writer.write_char('"')
        });
    }
}

/// Writes text into a string of JSON (RFC 8259 §7).
struct Escaped<'a, 'w>(&'a mut Writer<'w>);

impl Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(|c| c < ' ' || c == '"' || c == '\\') {
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
