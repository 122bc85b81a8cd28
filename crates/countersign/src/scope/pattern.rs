//! The grammar of scopes, and containment of one in another.

const MAX_BYTES: usize = 128;
const MAX_SEGMENTS: usize = 8;

/// The error for a text that is not a scope, or for too many scopes. Its message names the rule,
/// and does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidScope(pub(super) &'static str);

pub(super) fn check(scope: &str) -> Result<(), InvalidScope> {
    check_bytes(scope.as_bytes(), false)
}

/// Checks scopes that are joined by single spaces.
pub(super) fn check_joined(scopes: &str) -> Result<(), InvalidScope> {
    check_bytes(scopes.as_bytes(), true)
}

/// Checks one scope, or several that are joined by single spaces. Every token contains scopes, so each byte is looked at
/// once.
fn check_bytes(text: &[u8], joined: bool) -> Result<(), InvalidScope> {
    let mut scope = Progress::default();
    for &byte in text {
        match KINDS.get(usize::from(byte)) {
            Some(Kind::Segment) => scope.segment += 1,
            Some(Kind::Star) => {
                scope.segment += 1;
                scope.has_star = true;
            }
            Some(Kind::Colon) => {
                scope.end_segment()?;
                scope.segments += 1;
            }
            Some(Kind::Space) if joined => {
                scope.end()?;
                scope = Progress::default();
                continue;
            }
            _ => {
                let rule = "a scope's segments are made of A-Z a-z 0-9 _ . -";
                return Err(InvalidScope(rule));
            }
        }
        scope.bytes += 1;
    }
    scope.end()
}

/// What was read of a scope.
#[derive(Default)]
struct Progress {
    bytes: usize,
    /// The number of segments before the present one.
    segments: usize,
    /// The number of bytes of the present segment.
    segment: usize,
    /// Whether the present segment contains `*`.
    has_star: bool,
}

impl Progress {
    fn end_segment(&mut self) -> Result<(), InvalidScope> {
        let rule = if self.segment == 0 {
            "a scope has no empty segment"
        } else if self.has_star && self.segment > 1 {
            "`*` in a scope stands for a whole segment"
        } else {
            self.segment = 0;
            self.has_star = false;
            return Ok(());
        };
        Err(InvalidScope(rule))
    }

    fn end(&mut self) -> Result<(), InvalidScope> {
        self.end_segment()?;
        let rule = if self.bytes > MAX_BYTES {
            "a scope has at most 128 bytes"
        } else if self.segments >= MAX_SEGMENTS {
            "a scope has at most 8 segments"
        } else {
            return Ok(());
        };
        Err(InvalidScope(rule))
    }
}

/// What a byte of a scope is.
#[derive(Clone, Copy)]
enum Kind {
    Segment,
    Star,
    Colon,
    Space,
    Other,
}

/// The kind of each byte.
#[expect(clippy::indexing_slicing, reason = "a byte is an index of 256")]
static KINDS: [Kind; 256] = {
    let mut table = [Kind::Other; 256];
    let mut byte = 0u8;
    while byte < 128 {
        table[byte as usize] = match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'.' | b'-' => Kind::Segment,
            b'*' => Kind::Star,
            b':' => Kind::Colon,
            b' ' => Kind::Space,
            _ => Kind::Other,
        };
        byte += 1;
    }
    table
};

/// Checks that a text is a scope of any issuer (RFC 6749 §3.3).
pub(crate) fn check_scope_token(text: &str) -> Result<(), InvalidScope> {
    let rule = "a scope has printable ASCII characters, without space, quote and backslash";
    is_scope_token(text).then_some(()).ok_or(InvalidScope(rule))
}

/// Returns whether a text is a scope of any issuer (RFC 6749 §3.3): printable ASCII without space, `"` and `\`.
pub(super) fn is_scope_token(text: &str) -> bool {
    let is_allowed = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\');
    !text.is_empty() && text.bytes().all(is_allowed)
}

/// Returns whether the pattern `outer` covers everything that the pattern `inner` covers.
pub(super) fn covers(outer: &str, inner: &str) -> bool {
    let mut inner = inner.split(':');
    let mut outer = outer.split(':').peekable();
    while let Some(pattern) = outer.next() {
        let Some(segment) = inner.next() else {
            return false;
        };
        if pattern == "*" {
            if outer.peek().is_none() {
                return true;
            }
        } else if pattern != segment {
            return false;
        }
    }
    inner.next().is_none()
}
