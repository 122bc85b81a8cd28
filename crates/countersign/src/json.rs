//! JSON objects that are written in one pass, into one buffer (RFC 8259).

use std::fmt::{self, Write as _};

use crate::id::Id;

/// Writes a JSON object, member by member, in their order.
///
/// It is meant for the few objects that are written for every token or request. Names are written as they are, so they must
/// need no escaping, and be unique.
///
/// ```
/// use countersign::json::ObjectWriter;
///
/// let mut object = ObjectWriter::with_capacity(64);
/// object.text("name", "a \"quoted\" text");
/// object.number("exp", 1_800_000_000);
/// object.texts("scopes", ["calls:read", "calls:write"]);
/// object.null("account");
/// assert_eq!(
///     object.finish(),
///     r#"{"name":"a \"quoted\" text","exp":1800000000,"scopes":["calls:read","calls:write"],"account":null}"#,
/// );
/// ```
pub struct ObjectWriter(String);

impl ObjectWriter {
    /// Begins an object, in a buffer of this many bytes. The buffer grows if they do not suffice.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        let mut json = String::with_capacity(bytes);
        json.push('{');
        Self(json)
    }

    /// Writes a member whose value is a text.
    #[inline]
    pub fn text(&mut self, name: &'static str, value: &str) {
        self.name(name);
        push_text(&mut self.0, value);
    }

    /// Writes a member whose value is an id.
    #[inline]
    pub fn id(&mut self, name: &'static str, value: &Id) {
        // No character of an id needs escaping.
        self.name(name);
        self.0.push('"');
        self.0.push_str(value.text().as_str());
        self.0.push('"');
    }

    /// Writes a member whose value is an array of texts.
    pub fn texts<'a>(&mut self, name: &'static str, values: impl IntoIterator<Item = &'a str>) {
        self.name(name);
        self.0.push('[');
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                self.0.push(',');
            }
            push_text(&mut self.0, value);
        }
        self.0.push(']');
    }

    /// Writes a member whose value is an integer.
    #[inline]
    pub fn number(&mut self, name: &'static str, value: impl Into<i64>) {
        self.name(name);
        self.0.push_str(itoa::Buffer::new().format(value.into()));
    }

    /// Writes a member whose value is null.
    pub fn null(&mut self, name: &'static str) {
        self.name(name);
        self.0.push_str("null");
    }

    /// Writes a member by `write`, or a null if there is no value.
    pub fn optional<T>(
        &mut self,
        name: &'static str,
        value: Option<T>,
        write: impl FnOnce(&mut Self, &'static str, T),
    ) {
        match value {
            Some(value) => write(self, name, value),
            None => self.null(name),
        }
    }

    /// Ends the object, and returns it.
    #[must_use]
    pub fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }

    /// Writes a name. Inlined, a name is copied by a few instructions, since its length is known.
    #[inline]
    fn name(&mut self, name: &'static str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
    }
}

/// Shows nothing of the object, which may contain a secret.
impl fmt::Debug for ObjectWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectWriter").finish_non_exhaustive()
    }
}

/// Writes a text in quotation marks.
fn push_text(json: &mut String, text: &str) {
    // All bytes are looked at, without branches, so that the compiler can look at many at once.
    let needs_escape = |byte: u8| (byte < b' ') | (byte == b'"') | (byte == b'\\');
    let has_escape = |found: u8, byte: &u8| found | u8::from(needs_escape(*byte));
    json.push('"');
    match text.as_bytes().iter().fold(0, has_escape) {
        0 => json.push_str(text),
        _ => push_escaped(json, text),
    }
    json.push('"');
}

/// Writes a text in which some characters need escaping (RFC 8259 §7).
fn push_escaped(json: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\0'..' ' => {
                let _ = write!(json, "\\u{:04x}", u32::from(character));
            }
            _ => json.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_read_as_it_was_written() {
        let controls: String = ('\0'..='\u{7f}').collect();
        for text in ["", "plain", "a \"b\" \\ c", "é 中 \u{2028}", &controls] {
            let mut object = ObjectWriter::with_capacity(0);
            object.text("text", text);
            object.texts("texts", [text, text]);
            let json: serde_json::Value = serde_json::from_str(&object.finish()).unwrap();
            let expected = serde_json::json!({ "text": text, "texts": [text, text] });
            assert_eq!(json, expected);
        }
    }

    #[test]
    fn object_without_members_and_numbers_at_their_limits_are_valid() {
        assert_eq!(ObjectWriter::with_capacity(2).finish(), "{}");
        let mut object = ObjectWriter::with_capacity(0);
        object.number("least", i64::MIN);
        object.number("most", i64::MAX);
        object.number("generation", u32::MAX);
        object.texts("none", []);
        let json: serde_json::Value = serde_json::from_str(&object.finish()).unwrap();
        let expected = serde_json::json!({
            "least": i64::MIN, "most": i64::MAX, "generation": u32::MAX, "none": [],
        });
        assert_eq!(json, expected);
    }
}
