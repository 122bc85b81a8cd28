//! Base64url without padding (RFC 7515 §2). Padding, other alphabets and non-zero trailing bits are
//! rejected.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
use base64::engine::general_purpose::URL_SAFE_NO_PAD as ENGINE;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use vectors::ENGINE;

/// Decodes into `buffer`, and returns the bytes that were written.
pub(super) fn decode_into<'b>(encoded: &[u8], buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    let decoded = buffer.get_mut(..decoded_len(encoded.len()))?;
    decode_exactly(encoded, decoded)?;
    Some(decoded)
}

#[expect(
    clippy::slow_vector_initialization,
    reason = "glibc takes memory that must be zero from other lists than what was freed, which is slower than filling it here"
)]
pub(super) fn decode(encoded: &[u8]) -> Option<Vec<u8>> {
    let length = decoded_len(encoded.len());
    let mut decoded = Vec::with_capacity(length);
    decoded.resize(length, 0);
    decode_exactly(encoded, &mut decoded)?;
    Some(decoded)
}

/// Returns the number of bytes that this many characters encode.
pub(super) const fn decoded_len(characters: usize) -> usize {
    characters / 4 * 3 + characters % 4 * 3 / 4
}

/// Decodes into a buffer of exactly the needed length.
///
/// Long texts are decoded by the vector instructions of the processor. For others this takes a third of the instructions of the
/// crate `base64`, which looks at each character by itself.
fn decode_exactly(encoded: &[u8], decoded: &mut [u8]) -> Option<()> {
    /// From this length on, vector instructions take less time, although the rest of the text is decoded character by character.
    const LONG: usize = 128;
    if encoded.len() >= LONG && HAS_VECTORS {
        return ENGINE.decode_slice(encoded, decoded).ok().map(drop);
    }
    let (blocks, rest) = encoded.as_chunks();
    let (outputs, last) = decoded.as_chunks_mut();
    // The bits of all characters. Errors are looked for once, at the end.
    let mut all = 0;
    for (block, output) in blocks.iter().zip(outputs) {
        *output = decode_block(*block, &mut all);
    }
    // The characters that are missing in the last block count as zeros, and so must all bits be that belong to no byte.
    let mut block = [b'A'; 8];
    block.get_mut(..rest.len())?.copy_from_slice(rest);
    let bytes = decode_block(block, &mut all);
    let (used, spare) = bytes.split_at_checked(last.len())?;
    last.copy_from_slice(used);
    let is_valid = all < INVALID && rest.len() % 4 != 1 && spare.iter().all(|byte| *byte == 0);
    is_valid.then_some(())
}

/// Decodes eight characters, and adds their bits to `all`.
fn decode_block(block: [u8; 8], all: &mut u32) -> [u8; 6] {
    let [a, b, c, d, e, f, g, h] = block;
    let (first, second) = (decode_group([a, b, c, d]), decode_group([e, f, g, h]));
    *all |= first | second;
    let [_, _, bytes @ ..] = (u64::from(first) << 24 | u64::from(second)).to_be_bytes();
    bytes
}

/// Returns the 24 bits of four characters, or a number from [`INVALID`] on if one is not of the alphabet.
fn decode_group([a, b, c, d]: [u8; 4]) -> u32 {
    let bits = |table: &[u32; 256], character: u8| {
        let bits = table.get(usize::from(character)).copied();
        bits.unwrap_or(INVALID)
    };
    bits(&FIRST, a) | bits(&SECOND, b) | bits(&THIRD, c) | bits(&FOURTH, d)
}

/// The bits of a character that is not of the alphabet.
const INVALID: u32 = 1 << 24;

/// The bits of each character at one of the four positions in a group.
static FIRST: [u32; 256] = bits_at(18);
static SECOND: [u32; 256] = bits_at(12);
static THIRD: [u32; 256] = bits_at(6);
static FOURTH: [u32; 256] = bits_at(0);

#[expect(clippy::indexing_slicing, reason = "a byte is an index of 256")]
const fn bits_at(position: u32) -> [u32; 256] {
    let mut table = [INVALID; 256];
    let mut value = 0;
    let mut alphabet: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    while let [character, rest @ ..] = alphabet {
        table[*character as usize] = value << position;
        value += 1;
        alphabet = rest;
    }
    table
}

/// Decodes base64url or base64, with or without padding.
pub(super) fn decode_any_alphabet(encoded: &str) -> Option<Vec<u8>> {
    let text = encoded
        .trim_end_matches('=')
        .replace('+', "-")
        .replace('/', "_");
    decode(text.as_bytes())
}

pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Appends the encoded bytes to `out`.
pub(crate) fn encode_into(bytes: &[u8], out: &mut String) {
    /// A multiple of three, so that only the last piece ends within a group of four characters.
    const PIECE: usize = 384;
    out.reserve(encoded_len(bytes.len()));
    let mut buffer = [0; encoded_len(PIECE)];
    for piece in bytes.chunks(PIECE) {
        let written = ENGINE.encode_slice(piece, &mut buffer).ok();
        debug_assert_eq!(written, Some(encoded_len(piece.len())));
        let text = written.and_then(|length| buffer.get(..length));
        let text = text.map(std::str::from_utf8).and_then(Result::ok);
        out.push_str(text.unwrap_or_default());
    }
}

/// Whether the engine uses vector instructions, if the processor has them.
const HAS_VECTORS: bool = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod vectors {
    use std::sync::LazyLock;

    use base64::engine::Simd;
    use base64::engine::general_purpose::NO_PAD;

    pub(super) static ENGINE: LazyLock<Simd> = LazyLock::new(|| Simd::url_safe(NO_PAD));
}

/// Returns the length of this many bytes in base64url.
pub(crate) const fn encoded_len(bytes: usize) -> usize {
    bytes.saturating_mul(4).div_ceil(3)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Texts of the alphabet, some with characters that are not, of every length modulo eight: short ones, and some that are
    /// decoded by vector instructions.
    fn texts() -> impl Strategy<Value = Vec<u8>> {
        let character = |valid| {
            prop_oneof![
                valid => proptest::sample::select(&b"ABCDwxyz0189-_"[..]),
                1 => any::<u8>(),
            ]
        };
        prop_oneof![
            3 => proptest::collection::vec(character(60), 0..40),
            1 => proptest::collection::vec(character(400), 120..300),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn texts_are_decoded_as_the_crate_base64_decodes_them(text in texts()) {
            let expected = URL_SAFE_NO_PAD.decode(&text).ok();
            let mut buffer = [0; 225];
            prop_assert_eq!(decode_into(&text, &mut buffer), expected.as_deref());
            prop_assert_eq!(decode(&text), expected);
        }

        #[test]
        fn encoded_bytes_are_appended(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let mut text = String::from("x.");
            encode_into(&bytes, &mut text);
            prop_assert_eq!(&text[2..], URL_SAFE_NO_PAD.encode(&bytes));
            prop_assert_eq!(text.len() - 2, encoded_len(bytes.len()));
            prop_assert_eq!(decode(&text.as_bytes()[2..]), Some(bytes));
        }
    }

    #[test]
    fn each_character_is_decoded_at_each_position() {
        for character in 0..=u8::MAX {
            for (length, position) in (0..16)
                .map(|at| (16, at))
                .chain((0..140).map(|at| (140, at)))
            {
                let mut text = vec![b'A'; length];
                text[position] = character;
                let expected = URL_SAFE_NO_PAD.decode(&text).ok();
                assert_eq!(decode(&text), expected, "{character} at {position}");
            }
        }
    }

    #[test]
    fn text_that_does_not_fit_is_not_decoded() {
        assert_eq!(decode_into(b"AAAA", &mut [0; 2]), None);
        assert_eq!(decode_into(b"AAAA", &mut [1; 4]), Some(&[0; 3][..]));
    }
}
