//! The grammar of scopes, and containment of one in another.

const MAX_BYTES: usize = 128;
const MAX_SEGMENTS: usize = 8;

/// The error for a text that is not a scope, or for too many scopes. Its message names the rule,
/// and does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidScope(pub(super) &'static str);

/// Checks one scope.
pub(super) fn check(scope: &str) -> Result<(), InvalidScope> {
    match scope.contains(' ') {
        true => Err(OTHER_BYTES),
        false => check_joined(scope),
    }
}

/// Checks scopes that are joined by single spaces.
///
/// Every token contains scopes. The loop over their bytes has no branches, so that the compiler looks at 16 or more of them at
/// once.
pub(super) fn check_joined(scopes: &str) -> Result<(), InvalidScope> {
    let text = scopes.as_bytes();
    let is_segment_at = |byte: Option<&u8>| byte.is_some_and(|byte| !is_separator(*byte));
    let mut has_empty = !is_segment_at(text.first()) | !is_segment_at(text.last());
    let mut has_partial_star = false;
    let mut has_other = text.last().is_some_and(|byte| is_other(*byte));
    for (&byte, &next) in text.iter().zip(text.get(1..).unwrap_or_default()) {
        let (ends, starts) = (is_separator(next), is_separator(byte));
        has_other |= is_other(byte);
        has_empty |= starts & ends;
        has_partial_star |= ((byte == b'*') & !ends) | ((next == b'*') & !starts);
    }
    if has_other {
        Err(OTHER_BYTES)
    } else if has_empty {
        Err(InvalidScope("a scope has no empty segment"))
    } else if has_partial_star {
        Err(InvalidScope("`*` in a scope stands for a whole segment"))
    } else {
        check_lengths(text)
    }
}

/// Checks the lengths of scopes whose segments are not empty.
fn check_lengths(text: &[u8]) -> Result<(), InvalidScope> {
    /// So many bytes have no room for more than [`MAX_SEGMENTS`] segments, and the colons between them.
    const SHORT: usize = 2 * MAX_SEGMENTS;
    let mut rest = text;
    loop {
        let end = memchr::memchr(b' ', rest).unwrap_or(rest.len());
        let (scope, after) = rest.split_at(end);
        if scope.len() > MAX_BYTES {
            return Err(InvalidScope("a scope has at most 128 bytes"));
        }
        if scope.len() > SHORT && colons(scope) >= MAX_SEGMENTS {
            return Err(InvalidScope("a scope has at most 8 segments"));
        }
        match after.split_first() {
            Some((_, next)) => rest = next,
            None => return Ok(()),
        }
    }
}

fn colons(scope: &[u8]) -> usize {
    scope.iter().filter(|byte| **byte == b':').count()
}

const OTHER_BYTES: InvalidScope = InvalidScope("a scope's segments are made of A-Z a-z 0-9 _ . -");

/// Returns whether a byte ends a segment: that of a scope, or the last one of a scope before another one.
const fn is_separator(byte: u8) -> bool {
    (byte == b':') | (byte == b' ')
}

/// Returns whether a byte may not be in scopes.
const fn is_other(byte: u8) -> bool {
    let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    // `:` follows the digits.
    let is_digit_or_colon = byte.wrapping_sub(b'0') <= 10;
    let is_dash_or_dot = byte.wrapping_sub(b'-') < 2;
    !(is_letter
        | is_digit_or_colon
        | is_dash_or_dot
        | (byte == b'_')
        | (byte == b'*')
        | (byte == b' '))
}

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
