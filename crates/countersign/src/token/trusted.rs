use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::external::ExternalRules;
use super::{IssuerKeys, TrustedIssuerBuilder};
use crate::directory::Directory;

/// The longest own token, in bytes, and by default the longest external one.
pub(super) const MAX_TOKEN: usize = 8 * 1024;
/// The longest external token that can be configured, in bytes.
pub(super) const MAX_EXTERNAL_TOKEN: usize = 64 * 1024;

/// An issuer whose tokens are accepted: its URL, its keys, and the rules for its tokens.
///
/// | | [`own`](Self::own) | [`external`](Self::external) |
/// |---|---|---|
/// | `typ` | `at+jwt` | `at+jwt`, `JWT`, `JOSE`, none |
/// | required claims | `iss sub aud exp iat jti client_id account cgn agn` | `iss sub aud exp` |
/// | scopes | patterns | opaque, from `scope` or `scp` |
/// | leeway | 2 s, at most 5 s | 30 s, at most 300 s |
/// | longest lifetime | 1 h | 48 h |
/// | longest token | 8 KiB | 8 KiB, at most 64 KiB |
#[derive(Clone)]
pub struct TrustedIssuer {
    pub(super) url: Arc<str>,
    pub(super) audiences: Vec<Arc<str>>,
    pub(crate) keys: IssuerKeys,
    pub(super) origin: Origin,
    pub(super) leeway: Duration,
    pub(super) max_lifetime: Duration,
    /// The longest lifetime of managed tokens, if they are accepted.
    pub(super) managed: Option<Duration>,
}

#[derive(Clone)]
pub(super) enum Origin {
    /// Tokens that this crate minted. With a directory, tokens of revoked credentials are rejected.
    Own(Option<Arc<dyn Directory>>),
    External(ExternalRules),
}

impl TrustedIssuer {
    /// Starts building an issuer whose tokens this crate mints.
    pub fn own(url: impl Into<Arc<str>>) -> TrustedIssuerBuilder {
        let (leeway, max_lifetime) = (Duration::from_secs(2), Duration::from_secs(3600));
        TrustedIssuerBuilder::new(url.into(), Origin::Own(None), leeway, max_lifetime)
    }

    /// Starts building an external issuer, which signs access tokens by itself.
    pub fn external(url: impl Into<Arc<str>>) -> TrustedIssuerBuilder {
        TrustedIssuerBuilder::external(url.into(), ExternalRules::default())
    }

    /// Starts building a SPIFFE trust domain, such as `acme.example`. It accepts JWT-SVIDs whose `sub` is a SPIFFE ID of
    /// the domain, whether they have an `iss` or not. Their principals have the issuer `spiffe://acme.example`.
    pub fn trust_domain(name: &str) -> TrustedIssuerBuilder {
        let rules = ExternalRules {
            is_trust_domain: true,
            ..ExternalRules::default()
        };
        TrustedIssuerBuilder::external(format!("spiffe://{name}").into(), rules)
    }

    /// Returns the URL, which is equal to the `iss` of the tokens. For an issuer of several tenants, it is the template of
    /// `iss`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the directory of an own issuer.
    pub(super) fn directory(&self) -> Option<&dyn Directory> {
        match &self.origin {
            Origin::Own(directory) => directory.as_deref(),
            Origin::External(_) => None,
        }
    }

    /// Returns the longest token that is accepted, in bytes.
    pub(crate) fn max_token_len(&self) -> usize {
        match &self.origin {
            Origin::Own(_) => MAX_TOKEN,
            Origin::External(rules) => rules.max_token_len,
        }
    }

    /// Returns whether tokens with this `iss` are tokens of this issuer.
    pub(super) fn is_named(&self, iss: &str) -> bool {
        *self.url == *iss
            || matches!(&self.origin, Origin::External(rules) if rules.tenant(&self.url, iss).is_some())
    }
}

impl fmt::Debug for TrustedIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustedIssuer")
            .field("url", &self.url)
            .field("audiences", &self.audiences)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}
