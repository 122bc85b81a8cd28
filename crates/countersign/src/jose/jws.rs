//! The compact serialization of signed tokens (RFC 7515 §7.1), and their header.

use super::json::{self, Text, members, text};
use super::{Algorithm, VerifyingKey, base64url};
use crate::reason::Reason;

/// The longest header of an own token, in bytes. They need less than a third of it.
const MAX_HEADER: usize = 1024;
/// The longest header of an own token in base64url.
const MAX_ENCODED_HEADER: usize = (MAX_HEADER * 4).div_ceil(3);
/// The longest `kid` that is compared, in bytes.
const MAX_KEY_ID: usize = 256;
/// The longest signature of any algorithm: RSA with 8192 bits.
pub(super) const MAX_SIGNATURE: usize = 1024;
/// The length of buffers for the headers and signatures of nearly all tokens, in bytes. Filling one for the longest of them
/// with zeros would take longer than decoding a short one.
const SHORT: usize = 256;

/// The three parts of a token. Only their number and the length of the token have been checked.
pub(crate) struct Jws<'a> {
    signing_input: &'a [u8],
    header: &'a [u8],
    payload: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Jws<'a> {
    /// Splits a token of at most `longest` bytes into its parts.
    pub(crate) fn parse(token: &'a [u8], longest: usize) -> Result<Self, Reason> {
        if token.len() > longest {
            return Err(Reason::TokenTooLong);
        }
        let mut dots = memchr::memchr_iter(b'.', token);
        let (Some(first), Some(second), None) = (dots.next(), dots.next(), dots.next()) else {
            return Err(Reason::TokenMalformed);
        };
        let part = |range: std::ops::Range<usize>| token.get(range).unwrap_or_default();
        Ok(Self {
            signing_input: part(0..second),
            header: part(0..first),
            payload: part(first + 1..second),
            signature: part(second + 1..token.len()),
        })
    }

    /// Decodes the header into `buffer`, and parses it.
    pub(crate) fn header<'b>(&self, buffer: &'b mut HeaderBuffer) -> Result<Header<'b>, Reason> {
        let json = if base64url::decoded_len(self.header.len()) > SHORT {
            buffer.heap = base64url::decode(self.header).ok_or(Reason::TokenMalformed)?;
            buffer.heap.as_slice()
        } else {
            base64url::decode_into(self.header, &mut buffer.stack).ok_or(Reason::TokenMalformed)?
        };
        json::object(json).ok_or(Reason::HeaderMalformed)
    }

    /// Returns the header in base64url.
    pub(super) const fn encoded_header(&self) -> &'a [u8] {
        self.header
    }

    /// Returns whether the header is longer than those of own tokens.
    pub(crate) fn has_long_header(&self) -> bool {
        self.header.len() > MAX_ENCODED_HEADER
    }

    /// Returns the length of the token in bytes.
    pub(crate) fn len(&self) -> usize {
        self.signing_input.len() + 1 + self.signature.len()
    }

    /// Decodes the payload.
    pub(crate) fn payload(&self) -> Result<Vec<u8>, Reason> {
        base64url::decode(self.payload).ok_or(Reason::TokenMalformed)
    }

    /// Verifies the signature.
    pub(crate) fn verify_signature(&self, key: &VerifyingKey) -> Result<SignatureVerified, Reason> {
        let (mut short, mut long);
        let buffer: &mut [u8] = if base64url::decoded_len(self.signature.len()) <= SHORT {
            short = [0; SHORT];
            &mut short
        } else {
            long = [0; MAX_SIGNATURE];
            &mut long
        };
        let signature = base64url::decode_into(self.signature, buffer)
            .filter(|signature| !signature.is_empty())
            .ok_or(Reason::TokenMalformed)?;
        key.verify(self.signing_input, signature)
            .then_some(SignatureVerified(()))
            .ok_or(Reason::SignatureInvalid)
    }
}

/// Proof that a signature was verified. Nothing else creates it.
pub(crate) struct SignatureVerified(());

/// A buffer for a decoded header: on the stack, unless the header is long.
pub(crate) struct HeaderBuffer {
    stack: [u8; SHORT],
    heap: Vec<u8>,
}

impl HeaderBuffer {
    pub(crate) const fn new() -> Self {
        Self {
            stack: [0; SHORT],
            heap: Vec::new(),
        }
    }
}

members! {
    /// The parameters of a JOSE header that are used (RFC 7515 §4.1).
    pub(crate) struct Header<'a> {
        alg: Text<'a> = "alg",
        kid: Text<'a> = "kid",
        typ: Text<'a> = "typ",
        ;
        /// No extension is supported (RFC 7515 §4.1.11), no unencoded payload (RFC 7797), no compression and no encryption
        /// (RFC 8725 §3.6).
        unsupported = "crit" | "b64" | "zip" | "enc"
        ;
        /// A key in the token cannot verify that token (RFC 8725 §3.10), and a token contains no other token. External
        /// issuers write these parameters all the same, so they are ignored in external tokens.
        ignored = "cty" | "jwk" | "jku" | "x5c" | "x5u"
    }
}

/// What is used of a header. It depends on the header alone, and on no key.
#[derive(Clone, Copy)]
pub(crate) struct CheckedHeader<'h> {
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: Option<&'h str>,
    pub(crate) typ: Option<&'h str>,
    /// Why the header is not one of an own token, if it is not.
    pub(crate) own: Result<(), Reason>,
}

impl Header<'_> {
    /// Returns what is used, if the header contains nothing that is not supported.
    pub(crate) fn checked(&self) -> Result<CheckedHeader<'_>, Reason> {
        if self.unsupported {
            return Err(Reason::HeaderUnsupported);
        }
        let algorithm = text(&self.alg).and_then(|alg| alg.parse().ok());
        let algorithm = algorithm.ok_or(Reason::AlgorithmRejected)?;
        let key_id = text(&self.kid);
        if key_id.is_some_and(|id| id.is_empty() || id.len() > MAX_KEY_ID) {
            return Err(Reason::KeyUnknown);
        }
        Ok(CheckedHeader {
            algorithm,
            key_id,
            typ: text(&self.typ),
            own: self.check_own(algorithm),
        })
    }

    /// Checks that the header contains only what own tokens have.
    fn check_own(&self, algorithm: Algorithm) -> Result<(), Reason> {
        if self.ignored {
            return Err(Reason::HeaderUnsupported);
        }
        let is_name = text(&self.alg) == Some(algorithm.as_str());
        is_name.then_some(()).ok_or(Reason::AlgorithmRejected)
    }
}

/// Returns whether `text` has three parts, of which the first is the header of a JWS. Whatever looks like a token must not
/// be used as a secret.
pub(crate) fn looks_like_jws(text: &[u8]) -> bool {
    let mut buffer = HeaderBuffer::new();
    let header = Jws::parse(text, usize::MAX).and_then(|jws| jws.header(&mut buffer));
    header.is_ok_and(|header| header.alg.is_some())
}
