use http::header::{CACHE_CONTROL, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue};

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
    /// The headers of responses to requests without credentials.
    missing: Option<HeaderMap>,
    /// The headers of responses to invalid credentials of each carrier.
    invalid: Vec<(Carrier, HeaderMap)>,
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

    /// Writes the headers of most rejections, so that each response copies them.
    pub(crate) fn prepared(mut self) -> Self {
        self.missing = Some(self.headers(RejectionKind::Missing, &Detail::None));
        let carriers = self.entries.iter().flat_map(|entry| &entry.carriers);
        let headers = carriers.map(|carrier| {
            let detail = Detail::Carrier(carrier.clone());
            let headers = self.headers(RejectionKind::Invalid, &detail);
            (carrier.clone(), headers)
        });
        self.invalid = headers.collect();
        self
    }

    /// Returns the headers of a rejection, except for `Retry-After`.
    fn headers(&self, kind: RejectionKind, detail: &Detail) -> HeaderMap {
        let mut headers = HeaderMap::new();
        self.for_each(kind, detail, |challenge| {
            headers.append(WWW_AUTHENTICATE, challenge);
        });
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers
    }

    /// Calls a function for each challenge of a rejection, in their order.
    fn for_each(&self, kind: RejectionKind, detail: &Detail, f: impl FnMut(HeaderValue)) {
        match (kind, detail) {
            (RejectionKind::Missing, Detail::Body) => self.body.iter().cloned().for_each(f),
            (RejectionKind::Missing, _) => self
                .of_carriers(|carrier| !carrier.is_body())
                .cloned()
                .for_each(f),
            (RejectionKind::Malformed, _) if self.accept_bearers() => {
                self.invalid_request.iter().cloned().for_each(f)
            }
            (RejectionKind::Invalid, Detail::Carrier(carrier)) => match carrier {
                carrier if carrier.is_body() => self.body.iter().cloned().for_each(f),
                carrier if *carrier == Carrier::BEARER => {
                    self.invalid_token.iter().cloned().for_each(f)
                }
                carrier => self
                    .of_carriers(|other| other == carrier)
                    .cloned()
                    .for_each(f),
            },
            (RejectionKind::InsufficientScope, Detail::Scope(scope)) => {
                let scope = match &**scope {
                    "" => String::new(),
                    scope => format!(", scope=\"{scope}\""),
                };
                let value = self.bearer(&format!("error=\"insufficient_scope\"{scope}"));
                value.into_iter().for_each(f);
            }
            _ => {}
        }
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
        let (kind, detail) = (self.kind(), &self.detail);
        self.challenges
            .for_each(kind, detail, |value| values.push(value));
        values
    }

    /// Returns the headers of the response, except for `Retry-After`.
    pub(super) fn headers(&self) -> HeaderMap {
        let known = &self.challenges;
        let prepared = match (self.kind(), &self.detail) {
            (RejectionKind::Missing, Detail::None) => known.missing.as_ref(),
            (RejectionKind::Invalid, Detail::Carrier(carrier)) => {
                let mut invalid = known.invalid.iter();
                invalid
                    .find(|(other, _)| other == carrier)
                    .map(|(_, headers)| headers)
            }
            _ => None,
        };
        prepared
            .cloned()
            .unwrap_or_else(|| known.headers(self.kind(), &self.detail))
    }
}
