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
    entries: Vec<Entry>,
    invalid_request: Option<HeaderValue>,
    invalid_token: Option<HeaderValue>,
    body: Option<HeaderValue>,
}

/// The challenge of a mechanism, and its carriers.
#[derive(Debug)]
struct Entry {
    carriers: Vec<Carrier>,
    challenge: HeaderValue,
}

impl Entry {
    /// Returns the challenge if a carrier is accepted: `body` if all accepted ones are in a body.
    fn value<'c>(
        &'c self,
        body: Option<&'c HeaderValue>,
        accepts: impl Fn(&Carrier) -> bool,
    ) -> Option<&'c HeaderValue> {
        let mut accepted = self.carriers.iter().filter(|carrier| accepts(carrier));
        let first = accepted.next()?;
        let are_in_body = first.is_body() && accepted.all(Carrier::is_body);
        Some(body.filter(|_| are_in_body).unwrap_or(&self.challenge))
    }
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
        if let Ok(challenge) = HeaderValue::try_from(text) {
            self.entries.push(Entry {
                carriers,
                challenge,
            });
        }
    }

    /// Returns the challenges of the mechanisms that have one of these carriers, each once.
    pub(crate) fn of_carriers(
        &self,
        accepts: impl Fn(&Carrier) -> bool,
    ) -> impl Iterator<Item = &HeaderValue> {
        let body = self.body.as_ref();
        let entries = self.entries.iter().enumerate();
        entries.filter_map(move |(index, entry)| {
            let value = entry.value(body, &accepts)?;
            let mut earlier = self.entries.iter().take(index);
            let is_repeated = earlier.any(|entry| entry.value(body, &accepts) == Some(value));
            (!is_repeated).then_some(value)
        })
    }

    fn accept_bearers(&self) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.carriers.contains(&Carrier::BEARER))
    }
}

impl Rejection {
    /// Returns the `WWW-Authenticate` values, for services that write the response themselves.
    #[must_use]
    pub fn challenges(&self) -> Vec<HeaderValue> {
        let mut values = Vec::new();
        self.for_each_challenge(|value| values.push(value));
        values
    }

    /// Calls a function for each `WWW-Authenticate` value, in their order.
    pub(super) fn for_each_challenge(&self, f: impl FnMut(HeaderValue)) {
        let known = &self.challenges;
        match (self.kind(), &self.detail) {
            (RejectionKind::Missing, Detail::Body) => known.body.iter().cloned().for_each(f),
            (RejectionKind::Missing, _) => known
                .of_carriers(|carrier| !carrier.is_body())
                .cloned()
                .for_each(f),
            (RejectionKind::Malformed, _) if known.accept_bearers() => {
                known.invalid_request.iter().cloned().for_each(f)
            }
            (RejectionKind::Invalid, Detail::Carrier(carrier)) => match carrier {
                carrier if carrier.is_body() => known.body.iter().cloned().for_each(f),
                carrier if *carrier == Carrier::BEARER => {
                    known.invalid_token.iter().cloned().for_each(f)
                }
                carrier => known
                    .of_carriers(|other| other == carrier)
                    .cloned()
                    .for_each(f),
            },
            (RejectionKind::InsufficientScope, Detail::Scope(scope)) => {
                let scope = match &**scope {
                    "" => String::new(),
                    scope => format!(", scope=\"{scope}\""),
                };
                let value = known.bearer(&format!("error=\"insufficient_scope\"{scope}"));
                value.into_iter().for_each(f);
            }
            _ => {}
        }
    }
}
