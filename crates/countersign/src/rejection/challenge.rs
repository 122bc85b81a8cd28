use std::borrow::Cow;

use http::HeaderValue;

use super::{Detail, Rejection, RejectionKind};
use crate::credentials::Carrier;

/// The challenge of a mechanism in `WWW-Authenticate` (RFC 9110 §11.6.1). The authenticator adds its
/// realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    scheme: Cow<'static, str>,
    charset: Option<&'static str>,
}

impl Challenge {
    /// `Bearer realm="…"` (RFC 6750 §3).
    pub const BEARER: Self = Self::named("Bearer");
    /// `Basic realm="…", charset="UTF-8"` (RFC 7617 §2.1).
    pub const BASIC: Self = Self {
        scheme: Cow::Borrowed("Basic"),
        charset: Some("UTF-8"),
    };
    /// `ApiKey realm="…"`, for API keys in a header of their own.
    pub const API_KEY: Self = Self::named("ApiKey");

    /// `<scheme> realm="…"`.
    #[must_use]
    pub const fn named(scheme: &'static str) -> Self {
        Self {
            scheme: Cow::Borrowed(scheme),
            charset: None,
        }
    }
}

/// The challenges of one authenticator, written once when it is built.
#[derive(Debug, Default)]
pub(crate) struct Challenges {
    realm: Box<str>,
    /// `, resource_metadata="…"` (RFC 9728 §5.1), or empty.
    resource_metadata: Box<str>,
    /// The challenge of each mechanism, and its carriers.
    entries: Vec<(Vec<Carrier>, HeaderValue)>,
    invalid_request: Option<HeaderValue>,
    invalid_token: Option<HeaderValue>,
    body: Option<HeaderValue>,
}

impl Challenges {
    /// The builder has checked that the realm and the URL contain no quote, backslash or control
    /// character.
    pub(crate) fn new(realm: &str, resource_metadata: Option<&str>) -> Self {
        let resource_metadata = resource_metadata
            .map(|url| format!(", resource_metadata=\"{url}\""))
            .unwrap_or_default();
        let mut challenges = Self {
            realm: realm.into(),
            resource_metadata: resource_metadata.into(),
            ..Self::default()
        };
        challenges.body = HeaderValue::try_from(format!("Credentials realm=\"{realm}\"")).ok();
        challenges.invalid_request = challenges.bearer("error=\"invalid_request\"");
        challenges.invalid_token = challenges.bearer("error=\"invalid_token\"");
        challenges
    }

    fn bearer(&self, parameters: &str) -> Option<HeaderValue> {
        let Self {
            realm,
            resource_metadata,
            ..
        } = self;
        let text = format!("Bearer realm=\"{realm}\", {parameters}{resource_metadata}");
        HeaderValue::try_from(text).ok()
    }

    pub(crate) fn add(&mut self, challenge: &Challenge, carriers: Vec<Carrier>) {
        let mut text = format!("{} realm=\"{}\"", challenge.scheme, self.realm);
        if let Some(charset) = challenge.charset {
            text.push_str(", charset=\"");
            text.push_str(charset);
            text.push('"');
        }
        if challenge.scheme.eq_ignore_ascii_case("Bearer") {
            text.push_str(&self.resource_metadata);
        }
        if let Ok(value) = HeaderValue::try_from(text) {
            self.entries.push((carriers, value));
        }
    }

    /// Returns the challenges of the mechanisms that have one of these carriers.
    pub(crate) fn of_carriers(&self, accepts: impl Fn(&Carrier) -> bool) -> Vec<HeaderValue> {
        let mut values: Vec<HeaderValue> = Vec::with_capacity(self.entries.len());
        for (carriers, challenge) in &self.entries {
            let accepted: Vec<_> = carriers.iter().filter(|carrier| accepts(carrier)).collect();
            let value = match &self.body {
                _ if accepted.is_empty() => continue,
                Some(body) if accepted.iter().all(|carrier| carrier.is_body()) => body,
                _ => challenge,
            };
            if !values.contains(value) {
                values.push(value.clone());
            }
        }
        values
    }

    fn accept_bearers(&self) -> bool {
        self.entries
            .iter()
            .any(|(carriers, _)| carriers.contains(&Carrier::BEARER))
    }
}

impl Rejection {
    /// Returns the `WWW-Authenticate` values, for services that write the response themselves.
    #[must_use]
    pub fn challenges(&self) -> Vec<HeaderValue> {
        let known = &self.challenges;
        match (self.kind(), &self.detail) {
            (RejectionKind::Missing, Detail::Body) => known.body.iter().cloned().collect(),
            (RejectionKind::Invalid, Detail::Carrier(carrier)) if carrier.is_body() => {
                known.body.iter().cloned().collect()
            }
            (RejectionKind::Missing, _) => known.of_carriers(|carrier| !carrier.is_body()),
            (RejectionKind::Malformed, _) if known.accept_bearers() => {
                known.invalid_request.iter().cloned().collect()
            }
            (RejectionKind::Invalid, Detail::Carrier(carrier)) if *carrier == Carrier::BEARER => {
                known.invalid_token.iter().cloned().collect()
            }
            (RejectionKind::Invalid, Detail::Carrier(carrier)) => known
                .entries
                .iter()
                .filter(|(carriers, _)| carriers.contains(carrier))
                .map(|(_, value)| value.clone())
                .take(1)
                .collect(),
            (RejectionKind::InsufficientScope, Detail::Scope(scope)) => {
                let parameters = format!("error=\"insufficient_scope\", scope=\"{scope}\"");
                known.bearer(&parameters).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }
}
