use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderValue, StatusCode};

/// What the suite looks at in a response.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) status: StatusCode,
    /// Whether the response has a `Bearer` challenge.
    pub(crate) challenged: bool,
    /// The error code of that challenge.
    pub(crate) error: Option<String>,
    /// How often the protected service was called, if calls are counted.
    pub(crate) calls: Option<u64>,
}

impl Received {
    pub(crate) fn new(status: StatusCode, headers: &HeaderMap) -> Self {
        let values = headers.get_all(WWW_AUTHENTICATE);
        let bearer = values
            .iter()
            .filter_map(|value| HeaderValue::to_str(value).ok())
            .find_map(bearer);
        Self {
            status,
            challenged: bearer.is_some(),
            error: bearer.and_then(error),
            calls: None,
        }
    }
}

/// Returns the header value from its `Bearer` challenge on, if it has one.
fn bearer(value: &str) -> Option<&str> {
    let mut begin = 0;
    loop {
        let rest = value.get(begin..)?.trim_start();
        if rest
            .get(..6)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"))
        {
            return Some(rest);
        }
        begin = begin + value.get(begin..)?.find(',')? + 1;
    }
}

/// Returns the error code of a challenge (RFC 6750 §3).
fn error(challenge: &str) -> Option<String> {
    let (_, rest) = challenge.split_once("error=")?;
    let text = rest.trim_start_matches('"');
    let end = text.find(['"', ',', ' ']).unwrap_or(text.len());
    text.get(..end).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(values: &[&'static str]) -> (bool, Option<String>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(value));
        }
        let received = Received::new(StatusCode::UNAUTHORIZED, &headers);
        (received.challenged, received.error)
    }

    #[test]
    fn bearer_challenge_is_found_at_any_position() {
        let invalid = (true, Some("invalid_token".to_owned()));
        assert_eq!(received(&[]), (false, None));
        assert_eq!(received(&["Basic realm=\"a\""]), (false, None));
        assert_eq!(received(&["Bearer"]), (true, None));
        assert_eq!(received(&["bearer error=\"invalid_token\""]), invalid);
        assert_eq!(received(&["Bearer error=invalid_token, scope=a"]), invalid);
        assert_eq!(
            received(&["ApiKey", "Bearer realm=\"a\", error=\"invalid_token\""]),
            invalid
        );
        assert_eq!(
            received(&["Basic realm=\"a\", Bearer error=\"invalid_token\""]),
            invalid
        );
    }
}
