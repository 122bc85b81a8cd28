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
