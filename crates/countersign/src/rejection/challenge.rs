use http::HeaderValue;

use super::{Detail, Rejection, RejectionKind};
use crate::credentials::Carrier;

/// The challenge of a mechanism in `WWW-Authenticate` (RFC 9110 §11.6.1). The authenticator adds its
/// realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    scheme: &'static str,
    /// What follows the realm.
    parameters: &'static str,
}

impl Challenge {
    /// `Bearer realm="…"` (RFC 6750 §3).
    pub const BEARER: Self = Self::named("Bearer");
    /// `Basic realm="…", charset="UTF-8"` (RFC 7617 §2.1).
    pub const BASIC: Self = Self {
        scheme: "Basic",
        parameters: ", charset=\"UTF-8\"",
    };
    /// `ApiKey realm="…"`, for API keys in a header of their own.
    pub const API_KEY: Self = Self::named("ApiKey");

    /// `<scheme> realm="…"`.
    #[must_use]
    pub const fn named(scheme: &'static str) -> Self {
        Self {
            scheme,
            parameters: "",
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
        let (realm, metadata) = (&self.realm, &self.resource_metadata);
        HeaderValue::try_from(format!("Bearer realm=\"{realm}\", {parameters}{metadata}")).ok()
    }

    pub(crate) fn add(&mut self, challenge: &Challenge, carriers: Vec<Carrier>) {
        let Challenge { scheme, parameters } = challenge;
        let mut text = format!("{scheme} realm=\"{}\"{parameters}", self.realm);
        if scheme.eq_ignore_ascii_case("Bearer") {
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
        let one = |value: &Option<HeaderValue>| value.iter().cloned().collect();
        match (self.kind(), &self.detail) {
            (RejectionKind::Missing, Detail::Body) => one(&known.body),
            (RejectionKind::Missing, _) => known.of_carriers(|carrier| !carrier.is_body()),
            (RejectionKind::Malformed, _) if known.accept_bearers() => one(&known.invalid_request),
            (RejectionKind::Invalid, Detail::Carrier(carrier)) => match carrier {
                carrier if carrier.is_body() => one(&known.body),
                carrier if *carrier == Carrier::BEARER => one(&known.invalid_token),
                carrier => known.of_carriers(|other| other == carrier),
            },
            (RejectionKind::InsufficientScope, Detail::Scope(scope)) => {
                let scope = match &**scope {
                    "" => String::new(),
                    scope => format!(", scope=\"{scope}\""),
                };
                one(&known.bearer(&format!("error=\"insufficient_scope\"{scope}")))
            }
            _ => Vec::new(),
        }
    }
}
