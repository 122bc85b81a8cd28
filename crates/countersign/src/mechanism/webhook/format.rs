use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};

use super::WebhookConfigError;
use crate::credentials::only;
use crate::reason::Reason;
use crate::time::Timestamp;

/// The number of signatures in one header that are compared. Providers send one for each of their secrets.
const MAX_SIGNATURES: usize = 16;
/// The digits of the latest timestamp, which is after the year 5000.
const MAX_DIGITS: usize = 11;

/// How a signature is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureEncoding {
    /// 64 hexadecimal digits, in lower or upper case.
    #[default]
    Hex,
    /// Base64 with padding (RFC 4648 §4).
    Base64,
}

/// A part of what is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignedPart {
    /// A fixed text.
    Text(&'static str),
    /// The id of the webhook, as its header contains it.
    Id,
    /// The timestamp of the webhook, as its header contains it.
    Timestamp,
    /// The body of the request.
    Body,
}

/// Where a timestamp is.
#[derive(Clone, Debug)]
pub(super) enum TimestampSource {
    /// In a header of its own.
    Header(HeaderName),
    /// In the header of the signatures, after this prefix.
    Prefix(&'static str),
}

/// Where the parts of a webhook are in its headers, and what of it is signed.
#[derive(Clone, Debug)]
pub(super) struct Format {
    pub(super) header: HeaderName,
    pub(super) prefix: &'static str,
    pub(super) separator: Option<char>,
    pub(super) encoding: SignatureEncoding,
    pub(super) timestamp: Option<TimestampSource>,
    pub(super) id: Option<HeaderName>,
    pub(super) signed: Vec<SignedPart>,
}

/// The headers of a webhook.
pub(super) struct Presented<'h> {
    pub(super) signatures: Vec<[u8; 32]>,
    /// The timestamp as it is written, and its value.
    pub(super) timestamp: Option<(&'h str, Timestamp)>,
    pub(super) id: Option<&'h str>,
}

impl Format {
    /// Checks that what is signed can be read in one way only, and includes all that the signature has to protect.
    pub(super) fn check(&self) -> Result<(), WebhookConfigError> {
        let count = |part| self.signed.iter().filter(|other| **other == part).count();
        if self.signed.last() != Some(&SignedPart::Body) {
            return Err(WebhookConfigError::BodyNotLast);
        }
        let variable = [SignedPart::Id, SignedPart::Timestamp, SignedPart::Body];
        if variable.iter().any(|part| count(*part) > 1) {
            return Err(WebhookConfigError::RepeatedPart);
        }
        let in_header = matches!(self.timestamp, Some(TimestampSource::Prefix(_)));
        if in_header && self.separator.is_none() {
            return Err(WebhookConfigError::NoSeparator);
        }
        if count(SignedPart::Timestamp) != usize::from(self.timestamp.is_some()) {
            return Err(WebhookConfigError::TimestampNotSigned);
        }
        if count(SignedPart::Id) != usize::from(self.id.is_some()) {
            return Err(WebhookConfigError::IdNotSigned);
        }
        let is_separated = |pair: &[SignedPart]| match pair {
            [SignedPart::Id | SignedPart::Timestamp, next] => match next {
                SignedPart::Text(text) => {
                    !text.is_empty() && !text.starts_with(|c: char| c.is_ascii_digit())
                }
                _ => false,
            },
            _ => true,
        };
        if !self.signed.windows(2).all(is_separated) {
            return Err(WebhookConfigError::PartsNotSeparated);
        }
        Ok(())
    }

    /// Reads the headers of a webhook.
    pub(super) fn read<'h>(&self, headers: &'h HeaderMap) -> Result<Presented<'h>, Reason> {
        let signatures = text(headers, &self.header)?.ok_or(Reason::NoCredentials)?;
        let (signatures, in_header) = self.items(signatures)?;
        let timestamp = match &self.timestamp {
            None => None,
            Some(TimestampSource::Prefix(_)) => Some(in_header.ok_or(Reason::WebhookMalformed)?),
            Some(TimestampSource::Header(name)) => Some(required(headers, name)?),
        };
        let timestamp = match timestamp {
            None => None,
            Some(text) => Some((text, timestamp_of(text).ok_or(Reason::WebhookMalformed)?)),
        };
        let id = self.id.as_ref().map(|name| required(headers, name));
        let id = id.transpose()?;
        if id.is_some_and(|id| !self.is_unambiguous(id)) {
            return Err(Reason::WebhookMalformed);
        }
        Ok(Presented {
            signatures,
            timestamp,
            id,
        })
    }

    /// Reads the signatures and the timestamp in the header of the signatures. Items with other prefixes, such as
    /// signatures of other versions, are ignored.
    fn items<'h>(&self, header: &'h str) -> Result<(Vec<[u8; 32]>, Option<&'h str>), Reason> {
        let (mut signatures, mut timestamp) = (Vec::new(), None);
        let mut rest = Some(header);
        while let Some(text) = rest {
            let item;
            (item, rest) = match self
                .separator
                .and_then(|separator| text.split_once(separator))
            {
                Some((item, rest)) => (item, Some(rest)),
                None => (text, None),
            };
            if let Some(TimestampSource::Prefix(prefix)) = self.timestamp
                && let Some(found) = item.strip_prefix(prefix)
            {
                if timestamp.replace(found).is_some() {
                    return Err(Reason::WebhookMalformed);
                }
            } else if let Some(signature) = item.strip_prefix(self.prefix) {
                if signatures.len() == MAX_SIGNATURES {
                    return Err(Reason::WebhookMalformed);
                }
                signatures.push(
                    self.encoding
                        .decode(signature)
                        .ok_or(Reason::WebhookMalformed)?,
                );
            }
        }
        match signatures.is_empty() {
            true => Err(Reason::WebhookMalformed),
            false => Ok((signatures, timestamp)),
        }
    }

    /// Returns whether the id ends where the text that follows it in what is signed begins: it does not contain the first
    /// character of that text. Otherwise, a part of the id could be taken for a timestamp or for a part of the body.
    fn is_unambiguous(&self, id: &str) -> bool {
        let mut pairs = self.signed.windows(2);
        !pairs.any(|pair| match pair {
            [SignedPart::Id, SignedPart::Text(text)] => {
                text.chars().next().is_some_and(|c| id.contains(c))
            }
            _ => false,
        })
    }
}

impl SignatureEncoding {
    fn decode(self, text: &str) -> Option<[u8; 32]> {
        match self {
            Self::Hex => {
                let (pairs, rest) = text.as_bytes().as_chunks::<2>();
                let bytes: Option<Vec<u8>> = pairs.iter().map(|pair| byte(*pair)).collect();
                bytes?.try_into().ok().filter(|_| rest.is_empty())
            }
            Self::Base64 => {
                // 44 characters are 33 bytes, less their padding.
                let mut bytes = [0; 33];
                let length = STANDARD.decode_slice(text, &mut bytes).ok()?;
                bytes.get(..length)?.try_into().ok()
            }
        }
    }

    #[cfg(any(test, feature = "testing"))]
    pub(super) fn encode(self, signature: &[u8]) -> String {
        match self {
            Self::Hex => signature.iter().map(|byte| format!("{byte:02x}")).collect(),
            Self::Base64 => STANDARD.encode(signature),
        }
    }
}

fn byte([high, low]: [u8; 2]) -> Option<u8> {
    let digit = |at: u8| char::from(at).to_digit(16);
    u8::try_from(16 * digit(high)? + digit(low)?).ok()
}

/// Returns the only value of a header, which is text.
fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Reason> {
    let value = only(headers, name)?.map(|value| value.to_str());
    value.transpose().map_err(|_| Reason::WebhookMalformed)
}

fn required<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<&'h str, Reason> {
    let text = text(headers, name)?.filter(|text| !text.is_empty());
    text.ok_or(Reason::WebhookMalformed)
}

/// Reads seconds since 1970.
fn timestamp_of(text: &str) -> Option<Timestamp> {
    let is_number = text.len() <= MAX_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse().ok().filter(|_| is_number)?;
    Some(Timestamp::from_unix_seconds(seconds))
}
