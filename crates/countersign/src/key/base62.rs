//! Base62 with the digits `0-9A-Za-z`, most significant digit first, padded with `0`.

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Encodes 256 bits in 43 digits.
pub(super) fn encode_secret(bits: &[u8; 32]) -> String {
    let mut number = zeroize::Zeroizing::new(*bits);
    let mut digits = [b'0'; super::SECRET_LEN];
    for slot in digits.iter_mut().rev() {
        // One step of long division by 62.
        let mut remainder = 0u16;
        for byte in number.iter_mut() {
            let value = remainder << 8 | u16::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            remainder = value % 62;
        }
        *slot = character(u32::from(remainder));
    }
    let text = digits.iter().copied().map(char::from).collect();
    zeroize::Zeroize::zeroize(&mut digits);
    text
}

/// Encodes 32 bits in 6 digits.
pub(super) fn encode_u32(mut number: u32) -> [u8; 6] {
    let mut digits = [b'0'; 6];
    for slot in digits.iter_mut().rev() {
        *slot = character(number % 62);
        number /= 62;
    }
    digits
}

/// Decodes 6 digits. Returns `None` for other lengths, other characters and numbers of more than 32 bits.
pub(super) fn decode_u32(digits: &[u8]) -> Option<u32> {
    if digits.len() != 6 {
        return None;
    }
    digits.iter().try_fold(0u32, |number, &digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'A'..=b'Z' => digit - b'A' + 10,
            b'a'..=b'z' => digit - b'a' + 36,
            _ => return None,
        };
        number.checked_mul(62)?.checked_add(u32::from(value))
    })
}

fn character(digit: u32) -> u8 {
    ALPHABET.get(digit as usize).copied().unwrap_or(b'0')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn largest_secret_fills_43_digits() {
        // 2^256 - 1, converted with Python.
        let text = encode_secret(&[0xff; 32]);
        assert_eq!(text, "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1");
    }

    #[test]
    fn number_of_more_than_32_bits_is_rejected() {
        assert_eq!(decode_u32(&encode_u32(u32::MAX)), Some(u32::MAX));
        assert_eq!(decode_u32(b"zzzzzz"), None);
        assert_eq!(decode_u32(b"00000-"), None);
    }

    proptest! {
        #[test]
        fn number_survives_encoding_and_decoding(number: u32) {
            prop_assert_eq!(decode_u32(&encode_u32(number)), Some(number));
        }
    }
}
