//! Paths that every program reads alike.

/// Returns the decoded segments of the path of a request target, or `None` if gateways and services could read the path
/// differently.
///
/// These are such paths: without `/` at the start, with an empty segment inside, with a dot segment, with a fragment, with a
/// character that no URI contains (a backslash, control characters), with `;`, and with percent-encodings that are
/// incomplete, stand for unreserved characters (a dot, a letter), for `/`, `\`, `%`, `;`, `?`, `#` or a control character,
/// or are not UTF-8.
pub(super) fn segments(target: &[u8]) -> Option<Vec<String>> {
    if target.contains(&b'#') {
        return None;
    }
    let path = target
        .split(|&byte| byte == b'?')
        .next()?
        .strip_prefix(b"/")?;
    let segments: Option<Vec<_>> = path.split(|&byte| byte == b'/').map(decode).collect();
    let segments = segments?;
    // The last segment is empty if the path ends with a slash.
    let (_, before) = segments.split_last()?;
    match before.iter().any(String::is_empty) {
        true => None,
        false => Some(segments),
    }
}

fn decode(segment: &[u8]) -> Option<String> {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.iter().copied();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => encoded(bytes.next()?, bytes.next()?)?,
            byte if is_unreserved(byte) || b"!$&'()*+,=:@".contains(&byte) => byte,
            _ => return None,
        });
    }
    let text = String::from_utf8(decoded).ok()?;
    match &*text {
        "." | ".." => None,
        _ => Some(text),
    }
}

/// Returns the byte of a percent-encoding, if it can only be meant as this byte.
fn encoded(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = u8::try_from(16 * digit(high)? + digit(low)?).ok()?;
    let is_ambiguous = is_unreserved(byte) || byte.is_ascii_control() || b"/\\%;?#".contains(&byte);
    (!is_ambiguous).then_some(byte)
}

/// RFC 3986 §2.3: percent-encoding such a character does not change what a URI means.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_is_split_and_decoded_and_the_query_is_not_read() {
        let cases: [(&str, &[&str]); 9] = [
            ("/", &[""]),
            ("/calls", &["calls"]),
            ("/calls/", &["calls", ""]),
            ("/calls/7?x=/../y//z%2f\\", &["calls", "7"]),
            ("/?", &[""]),
            ("/a%20b/%C3%A4", &["a b", "ä"]),
            ("/v1/calls:batch", &["v1", "calls:batch"]),
            ("/.well-known/x", &[".well-known", "x"]),
            ("/...", &["..."]),
        ];
        for (target, expected) in cases {
            let found = segments(target.as_bytes());
            assert_eq!(found.unwrap(), expected, "{target}");
        }
    }

    #[test]
    fn path_that_could_be_read_in_two_ways_has_no_segments() {
        for target in [
            "",
            "calls",
            "*",
            "?",
            "http://a.example/calls",
            "//",
            "//calls",
            "/calls//7",
            "/calls//",
            "/.",
            "/..",
            "/calls/.",
            "/calls/./7",
            "/calls/../admin",
            "/calls/..",
            "/%2e%2e/admin",
            "/.%2E/admin",
            "/calls%2f7",
            "/calls%2F..%2Fadmin",
            "/calls\\admin",
            "/calls%5cadmin",
            "/calls%00",
            "/calls%0a",
            "/calls%7f",
            "/%61dmin",
            "/%41dmin",
            "/calls%252f7",
            "/calls%25",
            "/calls%",
            "/calls%2",
            "/calls%zz",
            "/calls%+1",
            "/calls;x=1",
            "/calls;/../admin",
            "/calls%3bx",
            "/calls%3Fx",
            "/calls#/admin",
            "/calls%23",
            "/calls?x#y",
            "/calls ",
            "/\"",
            "/<a>",
            "/{a}",
            "/a|b",
            "/a^b",
            "/a`b",
            "/[a]",
            "/%c0%af",
            "/%ff",
            "/%e2%82",
        ] {
            assert_eq!(segments(target.as_bytes()), None, "{target}");
        }
        for target in [&b"/\xc3\xa4"[..], b"/a\tb", b"/a\0b", b"/a\x7fb"] {
            assert_eq!(segments(target), None, "{target:?}");
        }
    }
}
