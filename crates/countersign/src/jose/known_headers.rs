use std::sync::OnceLock;

use super::Algorithm;
use super::jws::{CheckedHeader, Jws};
use crate::reason::Reason;

/// The number of headers that are kept.
const HEADERS: usize = 8;
/// The longest header that is kept, in base64url.
const MAX_ENCODED: usize = 512;

/// The first few headers of tokens with a valid signature. All tokens that a key signs have the same header, which then need
/// not be decoded and parsed again.
///
/// What a header says depends on its text alone, so that an entry is never outdated. It is compared in full. After as many
/// headers as there is room for, such as those of keys that came later, the others are parsed for each token.
#[derive(Default)]
pub(crate) struct KnownHeaders([OnceLock<KnownHeader>; HEADERS]);

struct KnownHeader {
    encoded: Box<[u8]>,
    algorithm: Algorithm,
    key_id: Option<Box<str>>,
    typ: Option<Box<str>>,
    own: Result<(), Reason>,
}

impl KnownHeaders {
    /// Returns what the header of a token says, if it is known.
    pub(crate) fn find(&self, jws: &Jws<'_>) -> Option<CheckedHeader<'_>> {
        let mut known = self.0.iter().map_while(OnceLock::get);
        let known = known.find(|known| *known.encoded == *jws.encoded_header())?;
        Some(CheckedHeader {
            algorithm: known.algorithm,
            key_id: known.key_id.as_deref(),
            typ: known.typ.as_deref(),
            own: known.own,
        })
    }

    /// Keeps the header of a token whose signature was verified, if there is room: no others can fill it.
    pub(crate) fn learn(&self, jws: &Jws<'_>, header: &CheckedHeader<'_>) {
        let encoded = jws.encoded_header();
        let free = self.0.iter().find(|slot| slot.get().is_none());
        if let Some(slot) = free.filter(|_| encoded.len() <= MAX_ENCODED) {
            // Another thread may have filled it.
            let _ = slot.set(KnownHeader {
                encoded: encoded.into(),
                algorithm: header.algorithm,
                key_id: header.key_id.map(Into::into),
                typ: header.typ.map(Into::into),
                own: header.own,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{HeaderBuffer, base64url};
    use super::*;

    fn token(header: &str) -> String {
        format!("{}..", base64url::encode(header.as_bytes()))
    }

    fn learn(headers: &KnownHeaders, token: &str) {
        let jws = Jws::parse(token.as_bytes(), 1024).unwrap();
        let mut buffer = HeaderBuffer::new();
        let header = jws.header(&mut buffer).ok().unwrap();
        headers.learn(&jws, &header.checked().ok().unwrap());
    }

    fn known<'h>(headers: &'h KnownHeaders, token: &str) -> Option<CheckedHeader<'h>> {
        headers.find(&Jws::parse(token.as_bytes(), 1024).unwrap())
    }

    #[test]
    fn known_header_says_what_was_read_of_it_and_others_are_unknown() {
        let headers = KnownHeaders::default();
        let own = token(r#"{"alg":"HS256","kid":"a","typ":"at+jwt"}"#);
        let external = token(r#"{"alg":"Ed25519","jku":"https://a.example"}"#);
        for token in [&own, &external] {
            assert!(known(&headers, token).is_none());
            learn(&headers, token);
        }
        let header = known(&headers, &own).unwrap();
        let expected = (Algorithm::Hs256, Some("a"), Some("at+jwt"), Ok(()));
        let read = (header.algorithm, header.key_id, header.typ, header.own);
        assert_eq!(read, expected);
        let header = known(&headers, &external).unwrap();
        let expected = (Algorithm::EdDsa, None, None, Err(Reason::HeaderUnsupported));
        let read = (header.algorithm, header.key_id, header.typ, header.own);
        assert_eq!(read, expected);
        let other = token(r#"{"alg":"HS256","kid":"b","typ":"at+jwt"}"#);
        assert!(known(&headers, &other).is_none());
        assert!(known(&headers, own.get(1..).unwrap()).is_none());
    }

    #[test]
    fn only_few_and_short_headers_are_kept() {
        let headers = KnownHeaders::default();
        let of_key = |id: &str| token(&format!(r#"{{"alg":"HS256","kid":"{id}"}}"#));
        let long = of_key(&"a".repeat(256));
        let long = long.replacen("..", &"A".repeat(200), 1);
        let long = format!("{long}..");
        let jws = Jws::parse(long.as_bytes(), 2048).unwrap();
        let header = CheckedHeader {
            algorithm: Algorithm::Hs256,
            key_id: None,
            typ: None,
            own: Ok(()),
        };
        headers.learn(&jws, &header);
        assert!(headers.find(&jws).is_none());
        for id in 0..2 * HEADERS {
            learn(&headers, &of_key(&id.to_string()));
        }
        for id in 0..2 * HEADERS {
            let is_known = known(&headers, &of_key(&id.to_string())).is_some();
            assert_eq!(is_known, id < HEADERS, "{id}");
        }
    }
}
