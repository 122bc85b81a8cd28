use sha2::block_api::compress256;
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, ZeroizeOnDrop};

use crate::secret::SecretBytes;

/// The number of bytes in a block of SHA-256.
const BLOCK: usize = 64;
/// The number of bytes in a hash.
const HASH: usize = 32;
/// What follows a message.
const MARK: u8 = 0x80;
/// The number of bytes that are gathered before they are compressed.
const PENDING: usize = 3 * BLOCK;
/// The last bytes of a message are its length in bits.
const LENGTH: usize = 8;
/// The state of SHA-256 before the first block (FIPS 180-4 §5.3.3).
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// A key of HMAC-SHA256 (RFC 2104), as the states of SHA-256 after the first blocks of both hashes.
///
/// Most messages are some dozen bytes. The MAC of one is two calls of the compression function, without the copies and checks of
/// general implementations, which take longer than these.
#[derive(Clone, ZeroizeOnDrop)]
pub(crate) struct MacKey {
    inner: [u32; 8],
    outer: [u32; 8],
}

impl MacKey {
    /// Creates the key of a secret of any length.
    pub(crate) fn new(secret: &[u8]) -> Self {
        // A short secret is followed by zeros, and a long one is replaced by its hash (RFC 2104 §2).
        let mut block = SecretBytes([0; BLOCK]);
        match block.0.get_mut(..secret.len()) {
            Some(start) => start.copy_from_slice(secret),
            None => {
                let (start, _) = block.0.split_at_mut(32);
                start.copy_from_slice(&Sha256::digest(secret));
            }
        }
        let state = |pad: u8| {
            let mut state = INITIAL;
            let padded = SecretBytes(block.0.map(|byte| byte ^ pad));
            compress256(&mut state, std::slice::from_ref(&padded.0));
            state
        };
        Self {
            inner: state(0x36),
            outer: state(0x5c),
        }
    }

    /// Returns the MAC of a message.
    pub(crate) fn mac(&self, message: &[u8]) -> [u8; 32] {
        let mut inner = Hash::after_block(self.inner);
        inner.update(message);
        self.finish(inner)
    }

    /// Returns the MAC of these parts, each of them with its length before it.
    pub(crate) fn framed_mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut inner = Hash::after_block(self.inner);
        for part in parts {
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
            inner.update(&length.to_be_bytes());
            inner.update(part);
        }
        self.finish(inner)
    }

    fn finish(&self, inner: Hash) -> [u8; 32] {
        // The second message is one hash, which one block holds together with the padding (FIPS 180-4 §5.1.1).
        let mut block = SecretBytes([0; BLOCK]);
        let (hash, padding) = block.0.split_at_mut(HASH);
        hash.copy_from_slice(&inner.finish());
        padding.iter_mut().take(1).for_each(|mark| *mark = MARK);
        if let Some(length) = padding.last_chunk_mut() {
            *length = ((BLOCK + HASH) as u64 * 8).to_be_bytes();
        }
        let mut outer = self.outer;
        compress256(&mut outer, std::slice::from_ref(&block.0));
        bytes(outer)
    }
}

/// A hash that has begun.
struct Hash {
    state: [u32; 8],
    /// The bytes that are not compressed yet, and zeros: most messages fit, and are compressed by one call.
    pending: SecretBytes<PENDING>,
    filled: usize,
    /// The number of all bytes.
    length: u64,
}

impl Hash {
    /// Continues a hash after its first block.
    const fn after_block(state: [u32; 8]) -> Self {
        Self {
            state,
            pending: SecretBytes([0; PENDING]),
            filled: 0,
            length: BLOCK as u64,
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.length = self.length.wrapping_add(bytes.len() as u64);
        let mut rest = bytes;
        while let Some(count) = self.fill(rest) {
            rest = rest.get(count..).unwrap_or_default();
            // Whole blocks need not be copied.
            let (blocks, tail) = rest.as_chunks();
            if !blocks.is_empty() {
                compress256(&mut self.state, blocks);
                rest = tail;
            }
        }
    }

    /// Adds bytes. Returns how many were added if there is room for no more, and everything was compressed.
    fn fill(&mut self, bytes: &[u8]) -> Option<usize> {
        let end = self.filled + bytes.len();
        if let Some(place) = self.pending.0.get_mut(self.filled..end) {
            place.copy_from_slice(bytes);
            self.filled = end;
            return None;
        }
        let room = self.pending.0.get_mut(self.filled..).unwrap_or_default();
        let count = room.len();
        room.copy_from_slice(bytes.get(..count).unwrap_or_default());
        self.compress_pending();
        Some(count)
    }

    fn compress_pending(&mut self) {
        compress256(&mut self.state, self.pending.0.as_chunks().0);
        self.pending.0 = [0; PENDING];
        self.filled = 0;
    }

    /// Adds the padding (FIPS 180-4 §5.1.1), and returns the hash.
    fn finish(mut self) -> [u8; 32] {
        let bits = self.length.wrapping_mul(8);
        if self.filled == PENDING {
            self.compress_pending();
        }
        let padded = (self.filled + 1 + LENGTH).next_multiple_of(BLOCK);
        if let Some(mark) = self.pending.0.get_mut(self.filled) {
            *mark = MARK;
        }
        if padded > PENDING {
            self.compress_pending();
        }
        let last = if padded > PENDING { BLOCK } else { padded };
        let message = self.pending.0.get_mut(..last).unwrap_or_default();
        if let Some(length) = message.last_chunk_mut() {
            *length = bits.to_be_bytes();
        }
        compress256(&mut self.state, message.as_chunks().0);
        bytes(self.state)
    }
}

/// Returns the hash of a state.
fn bytes(state: [u32; 8]) -> [u8; HASH] {
    let mut hash = [0; HASH];
    for (bytes, word) in hash.as_chunks_mut().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    hash
}

impl Drop for Hash {
    fn drop(&mut self) {
        self.state.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::hmac;
    use proptest::prelude::*;

    #[test]
    fn mac_is_that_of_rfc_4231() {
        let hex = |mac: [u8; 32]| {
            mac.iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        };
        // Test cases 2 and 6: a short key, and one that is longer than a block.
        let short = MacKey::new(b"Jefe");
        assert_eq!(
            hex(short.mac(b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let long = MacKey::new(&[0xaa; 131]);
        assert_eq!(
            hex(long.mac(b"Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    fn reference(key: &[u8], message: &[u8]) -> Vec<u8> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        hmac::sign(&key, message).as_ref().to_vec()
    }

    #[test]
    fn mac_is_that_of_another_implementation_for_every_length_of_key_and_message() {
        let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(400).collect();
        for length in 0..=200 {
            let (short, long) = bytes.split_at(length);
            for (key, message) in [(short, long), (long, short)] {
                assert_eq!(MacKey::new(key).mac(message)[..], reference(key, message));
            }
        }
    }

    proptest! {
        #[test]
        fn framed_mac_is_the_mac_of_all_parts_with_their_lengths(
            key in proptest::collection::vec(any::<u8>(), 0..100),
            parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..150), 0..6),
        ) {
            let mut message = Vec::new();
            for part in &parts {
                message.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
                message.extend(part);
            }
            let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            let mac = MacKey::new(&key).framed_mac(&parts);
            prop_assert_eq!(&mac[..], &reference(&key, &message)[..]);
        }
    }
}
