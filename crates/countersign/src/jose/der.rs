//! The parts of DER (X.690) that RSA keys and the check for trailing bytes need.

/// Encodes an `RSAPublicKey` (RFC 8017 A.1.1).
pub(super) fn rsa_public_key(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let mut body = integer(modulus);
    body.extend(integer(exponent));
    element(0x30, &body)
}

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

fn integer(number: &[u8]) -> Vec<u8> {
    let number = without_zeros(number);
    let mut content = Vec::with_capacity(number.len() + 1);
    // An integer with its first bit set is negative.
    if number.first().is_none_or(|byte| byte & 0x80 != 0) {
        content.push(0);
    }
    content.extend_from_slice(number);
    element(0x02, &content)
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len().to_be_bytes();
    match u8::try_from(content.len()) {
        Ok(short @ 0..=0x7f) => out.push(short),
        _ => {
            let digits = without_zeros(&length);
            out.push(0x80 | u8::try_from(digits.len()).unwrap_or(0x7f));
            out.extend_from_slice(digits);
        }
    }
    out.extend_from_slice(content);
    out
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
    fn lengths_are_encoded_in_the_shortest_form() {
        assert_eq!(element(0x02, &[1; 3]), [2, 3, 1, 1, 1]);
        assert_eq!(element(0x02, &[1; 200])[..3], [2, 0x81, 200]);
        assert_eq!(element(0x02, &[1; 300])[..4], [2, 0x82, 1, 44]);
    }

    #[test]
    fn sequence_is_rejected_if_bytes_follow_it_or_are_missing() {
        for size in [3, 200, 300] {
            let mut der = element(0x30, &vec![1; size]);
            assert!(is_one_sequence(&der), "{size}");
            der.push(0);
            assert!(!is_one_sequence(&der), "{size}");
            der.truncate(der.len() - 2);
            assert!(!is_one_sequence(&der), "{size}");
        }
        assert!(!is_one_sequence(&[]));
    }
}
