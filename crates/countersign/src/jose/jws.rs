//! The compact serialization (RFC 7515 §7.1) and the header of a signed token.

use serde::de::MapAccess;

use super::json::{self, Members, Taken, Text, once};
use super::{Algorithm, base64url};
use crate::reason::Reason;

/// The longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 8 * 1024;
/// The longest header that is decoded, in bytes. Nothing that we accept needs a third of it.
const MAX_HEADER: usize = 1024;
/// The longest `kid` that is compared, in bytes.
const MAX_KEY_ID: usize = 256;
/// The longest signature of any algorithm: RSA with 8192 bits.
const MAX_SIGNATURE: usize = 1024;

/// A token in its three parts. Only their number and the token's length are known to be right.
pub(crate) struct Jws<'a> {
    signing_input: &'a [u8],
    header: &'a [u8],
    payload: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Jws<'a> {
    pub(crate) fn parse(token: &'a [u8]) -> Result<Self, Reason> {
        if token.len() > MAX_TOKEN {
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

    /// Decodes the header into `buffer` and reads it.
    pub(crate) fn header<'b>(&self, buffer: &'b mut HeaderBuffer) -> Result<Header<'b>, Reason> {
        let json =
            base64url::decode_into(self.header, &mut buffer.0).ok_or(Reason::TokenMalformed)?;
        json::object(json).ok_or(Reason::HeaderMalformed)
    }

    pub(crate) fn payload(&self) -> Result<Vec<u8>, Reason> {
        base64url::decode(self.payload).ok_or(Reason::TokenMalformed)
    }

    /// Calls `verify` with the signing input and the decoded signature.
    pub(crate) fn check(&self, verify: impl FnOnce(&[u8], &[u8]) -> bool) -> Result<(), Reason> {
        let mut buffer = [0; MAX_SIGNATURE + 3];
        let signature = base64url::decode_into(self.signature, &mut buffer)
            .filter(|signature| !signature.is_empty())
            .ok_or(Reason::TokenMalformed)?;
        if verify(self.signing_input, signature) {
            Ok(())
        } else {
            Err(Reason::SignatureInvalid)
        }
    }
}

/// Where a header is decoded to: on the stack.
pub(crate) struct HeaderBuffer([u8; MAX_HEADER]);

impl HeaderBuffer {
    pub(crate) const fn new() -> Self {
        Self([0; MAX_HEADER])
    }
}

/// The members of a JOSE header that matter here (RFC 7515 §4.1).
#[derive(Default)]
pub(crate) struct Header<'a> {
    alg: Option<Text<'a>>,
    kid: Option<Text<'a>>,
    typ: Option<Text<'a>>,
    unsupported: bool,
}

impl<'de> Members<'de> for Header<'de> {
    fn take<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<Taken, A::Error> {
        match name {
            "alg" => once(&mut self.alg, map),
            "kid" => once(&mut self.kid, map),
            "typ" => once(&mut self.typ, map),
            // No extension is understood (RFC 7515 §4.1.11), nothing is unencoded (RFC 7797),
            // compressed, encrypted or nested (RFC 8725 §3.6), and no key comes with the token that
            // it is to verify (RFC 8725 §3.10).
            "crit" | "b64" | "zip" | "enc" | "cty" | "jwk" | "jku" | "x5c" | "x5u" => {
                self.unsupported = true;
                Ok(Taken::No)
            }
            _ => Ok(Taken::No),
        }
    }
}

impl Header<'_> {
    /// `alg` and `kid`, once nothing in the header asks for what is not done here.
    pub(crate) fn supported(&self) -> Result<(Algorithm, Option<&str>), Reason> {
        if self.unsupported {
            return Err(Reason::HeaderUnsupported);
        }
        let Text(alg) = self.alg.as_ref().ok_or(Reason::AlgorithmRefused)?;
        let alg = alg.parse().map_err(|_| Reason::AlgorithmRefused)?;
        let kid = self.kid.as_ref().map(|Text(kid)| &**kid);
        if kid.is_some_and(|kid| kid.is_empty() || kid.len() > MAX_KEY_ID) {
            return Err(Reason::KeyUnknown);
        }
        Ok((alg, kid))
    }

    pub(crate) fn typ(&self) -> Option<&str> {
        self.typ.as_ref().map(|Text(typ): &Text<'_>| &**typ)
    }
}

/// Three base64url parts, the first a JSON object with `alg`. Lengths are not looked at: whatever
/// looks like a token is one where no token belongs.
pub(crate) fn looks_like_jws(text: &[u8]) -> bool {
    let mut parts = text.split(|&b| b == b'.');
    let (Some(header), Some(_), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    #[derive(Default)]
    struct Alg(bool);
    impl<'de> Members<'de> for Alg {
        fn take<A: MapAccess<'de>>(&mut self, name: &str, _: &mut A) -> Result<Taken, A::Error> {
            self.0 |= name == "alg";
            Ok(Taken::No)
        }
    }
    let mut buffer = [0; MAX_HEADER];
    base64url::decode_into(header, &mut buffer)
        .and_then(json::object::<Alg>)
        .is_some_and(|alg| alg.0)
}
