//! Checks of each byte of a text.

/// Returns whether a condition holds for all bytes. Every byte is looked at, so that the time does not depend on where it does
/// not hold.
#[inline]
pub(crate) fn all_bytes(text: &[u8], holds: impl Fn(u8) -> bool) -> bool {
    let all = |bytes: &[u8]| bytes.iter().fold(true, |all, &byte| all & holds(byte));
    // The compiler makes blocks of sixteen. Without the last block, which may overlap with the one before it, up to fifteen
    // bytes would be looked at one by one.
    match text.last_chunk::<16>() {
        Some(last) => all(text.as_chunks::<16>().0.as_flattened()) & all(last),
        None => all(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_exception_is_found_at_every_position_of_every_length() {
        let is_letter = |byte: u8| byte.is_ascii_lowercase();
        for length in 0..70 {
            let mut text = vec![b'a'; length];
            assert!(all_bytes(&text, is_letter), "{length}");
            for position in 0..length {
                text[position] = b'A';
                assert!(!all_bytes(&text, is_letter), "{position} of {length}");
                text[position] = b'a';
            }
        }
    }
}
