//! The grammar of scopes, and containment of one in another.

const MAX_BYTES: usize = 128;
const MAX_SEGMENTS: usize = 8;

/// The error for a text that is not a scope, or for too many scopes. Its message names the rule,
/// and does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidScope(pub(super) &'static str);

pub(super) fn check(scope: &str) -> Result<(), InvalidScope> {
    check_bytes(scope.as_bytes())
}

/// Checks scopes that are joined by single spaces.
pub(super) fn check_joined(scopes: &str) -> Result<(), InvalidScope> {
    let mut scopes = scopes.as_bytes().split(|&byte| byte == b' ');
    scopes.try_for_each(check_bytes)
}

/// Compares bytes: every token contains scopes, and characters take several times as long.
fn check_bytes(scope: &[u8]) -> Result<(), InvalidScope> {
    let invalid = |rule| Err(InvalidScope(rule));
    if scope.len() > MAX_BYTES {
        return invalid("a scope has at most 128 bytes");
    }
    for (i, segment) in scope.split(|&byte| byte == b':').enumerate() {
        match segment {
            _ if i == MAX_SEGMENTS => return invalid("a scope has at most 8 segments"),
            [] => return invalid("a scope has no empty segment"),
            b"*" => {}
            _ if segment.iter().all(|&byte| is_segment_byte(byte)) => {}
            _ if segment.contains(&b'*') => {
                return invalid("`*` in a scope stands for a whole segment");
            }
            _ => return invalid("a scope's segments are made of A-Z a-z 0-9 _ . -"),
        }
    }
    Ok(())
}

fn is_segment_byte(byte: u8) -> bool {
    IN_SEGMENT.get(usize::from(byte)).is_some_and(|&is| is)
}

/// Whether each byte may be in a segment.
#[expect(clippy::indexing_slicing, reason = "a byte is an index of 256")]
const IN_SEGMENT: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
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
