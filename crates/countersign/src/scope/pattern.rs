//! The grammar of scopes, and containment of one in another.

const MAX_BYTES: usize = 128;
const MAX_SEGMENTS: usize = 8;

/// The error for a text that is not a scope, or for too many scopes. Its message names the rule,
/// and does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidScope(pub(super) &'static str);

pub(super) fn check(scope: &str) -> Result<(), InvalidScope> {
    let invalid = |rule| Err(InvalidScope(rule));
    if scope.len() > MAX_BYTES {
        return invalid("a scope has at most 128 bytes");
    }
    for (i, segment) in scope.split(':').enumerate() {
        match segment {
            _ if i == MAX_SEGMENTS => return invalid("a scope has at most 8 segments"),
            "" => return invalid("a scope has no empty segment"),
            "*" => {}
            _ if segment.contains('*') => {
                return invalid("`*` in a scope stands for a whole segment");
            }
            _ if segment.bytes().all(is_segment_byte) => {}
            _ => return invalid("a scope's segments are made of A-Z a-z 0-9 _ . -"),
        }
    }
    Ok(())
}

const fn is_segment_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
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
