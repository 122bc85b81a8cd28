use std::fmt;
use std::sync::Arc;

use countersign::random::Random;
use countersign::time::{Clock, Timestamp};
use http::{HeaderName, HeaderValue, Request};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

/// The id of a request, a UUIDv7 (RFC 9562 §5.7). It is never the client's: a client could choose the id of another
/// request.
///
/// A service in front inserts it into the request's extensions, so that the response, the log and the audit log have the
/// same id. Otherwise the endpoints create one.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestId([u8; Hyphenated::LENGTH]);

impl RequestId {
    /// The response header that carries the id.
    pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

    /// Creates an id.
    #[must_use]
    pub fn new(now: Timestamp, random: &dyn Random) -> Self {
        let millis = u64::try_from(now.unix_millis()).unwrap_or(0);
        let mut bytes = [0; 10];
        // If there are no random bytes, two requests of one millisecond share an id. No decision depends on it.
        let _ = random.fill(&mut bytes);
        let id: Uuid = uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid();
        let mut text = [0; Hyphenated::LENGTH];
        id.as_hyphenated().encode_lower(&mut text);
        Self(text)
    }

    /// Returns the id in the request's extensions, or a new one.
    pub(crate) fn of<B>(request: &Request<B>, clock: &dyn Clock, random: &dyn Random) -> Self {
        let existing = request.extensions().get::<Self>().cloned();
        existing.unwrap_or_else(|| Self::new(clock.now(), random))
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // A UUID consists of ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Returns the id as a header value.
    #[must_use]
    pub fn to_header_value(&self) -> HeaderValue {
        // A UUID consists of visible ASCII.
        HeaderValue::from_bytes(&self.0).unwrap_or(HeaderValue::from_static(""))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}

impl From<RequestId> for Arc<str> {
    fn from(id: RequestId) -> Self {
        id.as_str().into()
    }
}
