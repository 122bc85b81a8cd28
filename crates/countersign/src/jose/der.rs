//! The parts of DER (X.690) and of big-endian numbers that the checks of public keys need.

/// Returns whether `der` is one sequence without trailing bytes.
pub(super) fn is_one_sequence(der: &[u8]) -> bool {
    let (length, content) = match der {
        [0x30, length @ 0..=0x7f, content @ ..] => (usize::from(*length), content),
        [0x30, 0x81, a, content @ ..] => (usize::from(*a), content),
        [0x30, 0x82, a, b, content @ ..] => (usize::from(*a) << 8 | usize::from(*b), content),
        _ => return false,
    };
    length == content.len()
}

/// Returns a number without its leading zeros.
pub(super) fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_is_rejected_if_bytes_follow_it_or_are_missing() {
        for (size, head) in [
            (3, &[0x30, 3][..]),
            (200, &[0x30, 0x81, 200]),
            (300, &[0x30, 0x82, 1, 44]),
        ] {
            let mut der = [head, &vec![1; size]].concat();
            assert!(is_one_sequence(&der), "{size}");
            der.push(0);
            assert!(!is_one_sequence(&der), "{size}");
            der.truncate(der.len() - 2);
            assert!(!is_one_sequence(&der), "{size}");
        }
        assert!(!is_one_sequence(&[]));
    }
}
