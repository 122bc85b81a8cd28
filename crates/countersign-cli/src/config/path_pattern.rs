//! Patterns of paths, such as `/calls/*/notes` and `/calls/**`.

use std::fmt;

/// What a segment of a path must be.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// This text.
    Text(Box<str>),
    /// Any text that is not empty: `*`.
    Any,
}

/// A pattern of paths. Letters are compared by case.
#[derive(Clone, PartialEq, Eq)]
pub struct PathPattern {
    text: Box<str>,
    segments: Vec<Segment>,
    /// The pattern ends with `**`: it matches the path before that, and all paths below it.
    below: bool,
}

impl PathPattern {
    /// Parses a pattern: `/`, and segments of the characters that RFC 3986 §3.3 allows without percent-encoding, apart from
    /// `;`. `*` is one whole segment, and `**` can be the last one.
    ///
    /// # Errors
    ///
    /// Returns what a pattern looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = || {
            "expected a path such as /calls, /calls/*/notes or /calls/**: segments of A-Z a-z 0-9 - . _ ~ ! $ & ' ( ) + , \
             = : @, none of them `.`, `..` or empty; a whole segment can be `*`, and the last one `**`"
                .to_owned()
        };
        let rest = text.strip_prefix('/').ok_or_else(expected)?;
        let (rest, below) = match rest.strip_suffix("**") {
            Some("") => ("", true),
            Some(rest) => (rest.strip_suffix('/').ok_or_else(expected)?, true),
            None => (rest, false),
        };
        // `/**` has no segment of its own; `/` and `/calls/` end with an empty one.
        let count = rest.split('/').count();
        let segments = rest
            .split('/')
            .enumerate()
            .map(|(index, segment)| match segment {
                "*" => Some(Segment::Any),
                "" if !below && index + 1 == count => Some(Segment::Text("".into())),
                "" | "." | ".." => None,
                text => text
                    .bytes()
                    .all(is_plain)
                    .then(|| Segment::Text(text.into())),
            });
        let segments: Option<Vec<_>> = match (rest, below) {
            ("", true) => Some(Vec::new()),
            _ => segments.collect(),
        };
        Ok(Self {
            text: text.into(),
            segments: segments.ok_or_else(expected)?,
            below,
        })
    }

    /// Returns whether the pattern matches the path with these decoded segments.
    pub fn matches(&self, path: &[impl AsRef<str>]) -> bool {
        let same = |(segment, text): (&Segment, &str)| match segment {
            Segment::Text(expected) => **expected == *text,
            Segment::Any => !text.is_empty(),
        };
        let long_enough = match self.below {
            true => path.len() >= self.segments.len(),
            false => path.len() == self.segments.len(),
        };
        let texts = path.iter().map(AsRef::as_ref);
        long_enough && self.segments.iter().zip(texts).all(same)
    }
}

/// Returns whether a pattern can contain the character: `pchar` of RFC 3986 §3.3 without `%`, `;` and `*`.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()+,=:@".contains(&byte)
}

impl fmt::Debug for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        let segments: Vec<&str> = path[1..].split('/').collect();
        PathPattern::parse(pattern).unwrap().matches(&segments)
    }

    #[test]
    fn pattern_matches_whole_segments_and_nothing_else() {
        for (pattern, path, expected) in [
            ("/", "/", true),
            ("/", "/a", false),
            ("/calls", "/calls", true),
            ("/calls", "/calls/", false),
            ("/calls", "/callsx", false),
            ("/calls", "/Calls", false),
            ("/calls", "/", false),
            ("/calls/", "/calls/", true),
            ("/calls/", "/calls", false),
            ("/calls/*", "/calls/7", true),
            ("/calls/*", "/calls/", false),
            ("/calls/*", "/calls", false),
            ("/calls/*", "/calls/7/notes", false),
            ("/calls/*/notes", "/calls/7/notes", true),
            ("/calls/*/notes", "/calls/7/8/notes", false),
            ("/calls/**", "/calls", true),
            ("/calls/**", "/calls/", true),
            ("/calls/**", "/calls/7/notes", true),
            ("/calls/**", "/calls-of-others", false),
            ("/*/**", "/a/b", true),
            ("/*/**", "/", false),
            ("/**", "/", true),
            ("/**", "/a/b", true),
            ("/v1/calls:batch", "/v1/calls:batch", true),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn text_that_is_no_pattern_is_rejected() {
        for text in [
            "",
            "calls",
            "*",
            "//",
            "/a//b",
            "/a/./b",
            "/a/../b",
            "/..",
            "/a*",
            "/*a",
            "/**/a",
            "/a**",
            "/***",
            "/a//**",
            "/a%20b",
            "/a;b",
            "/a?b",
            "/a#b",
            "/a\\b",
            "/ä",
            "/a b",
            "/a\0",
            "http://a.example/",
        ] {
            assert!(PathPattern::parse(text).is_err(), "{text}");
        }
    }
}
