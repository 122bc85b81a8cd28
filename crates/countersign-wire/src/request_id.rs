use std::fmt;
use std::sync::Arc;

use countersign::random::Random;
use countersign::time::{Clock, Timestamp};
use http::{HeaderName, HeaderValue, Request};
use uuid::Uuid;

/// A request's id, UUIDv7 (RFC 9562 §5.7). It is made here alone: one that a client chose could be another's.
///
/// Whoever stands in front puts it into the request's extensions, so that answers, logs and the audit call the
/// request by the same name. Where nobody did, the services here make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The header that carries it in answers.
    pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

    /// A new one.
    #[must_use]
    pub fn new(now: Timestamp, random: &dyn Random) -> Self {
        let millis = u64::try_from(now.unix_millis()).unwrap_or(0);
        let mut bytes = [0; 10];
        // Without random bytes two requests of one millisecond share an id; no decision rests on it.
        let _ = random.fill(&mut bytes);
        let id: Uuid = uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid();
        Self(id.to_string().into())
    }

    /// The one that whoever stands in front has put there, else a new one.
    pub(crate) fn of<B>(request: &Request<B>, clock: &dyn Clock, random: &dyn Random) -> Self {
        let given = request.extensions().get::<Self>().cloned();
        given.unwrap_or_else(|| Self::new(clock.now(), random))
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as a header's value.
    #[must_use]
    pub fn to_header_value(&self) -> HeaderValue {
        // A UUID is all visible ASCII.
        HeaderValue::from_str(&self.0).unwrap_or(HeaderValue::from_static(""))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<RequestId> for Arc<str> {
    fn from(id: RequestId) -> Self {
        id.0
    }
}
