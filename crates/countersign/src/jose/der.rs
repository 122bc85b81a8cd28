//! The parts of DER (X.690) and of big-endian numbers that the checks of public keys need.

/// Returns whether `der` is one sequence without trailing bytes.
pub(super) fn is_one_sequence(der: &[u8]) -> bool {
    der.first() == Some(&0x30) && element_at(der).is_some_and(|(_, _, rest)| rest.is_empty())
}

/// Returns the `SubjectPublicKeyInfo` of a certificate (RFC 5280 §4.1).
pub(super) fn key_of_certificate(der: &[u8]) -> Option<&[u8]> {
    let (_, certificate, _) = element_at(der)?;
    let (_, mut fields, _) = element_at(certificate)?;
    // The version is optional. Serial number, signature, issuer, validity and subject follow.
    let skipped = if fields.first() == Some(&0xa0) { 6 } else { 5 };
    for _ in 0..skipped {
        (_, _, fields) = element_at(fields)?;
    }
    element_at(fields).map(|(key, _, _)| key)
}

/// Splits the first element off: the whole element, its content, and what follows it.
fn element_at(der: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (header, length) = match der {
        [_, length @ 0..=0x7f, ..] => (2, usize::from(*length)),
        [_, 0x81, a, ..] => (3, usize::from(*a)),
        [_, 0x82, a, b, ..] => (4, usize::from(*a) << 8 | usize::from(*b)),
        _ => return None,
    };
    let (whole, rest) = der.split_at_checked(header + length)?;
    Some((whole, whole.get(header..)?, rest))
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
