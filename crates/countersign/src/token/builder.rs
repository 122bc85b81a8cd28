use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::external::{ExternalRules, OTHER_TYPES, TENANT, Tenants};
use super::trusted::{MAX_EXTERNAL_TOKEN, Origin};
use super::verify::media_type;
use super::{IssuerKeys, TrustError, TrustedIssuer};
use crate::directory::Directory;
use crate::jose::KeySet;
use crate::principal::ClaimPath;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Builds a [`TrustedIssuer`]. `K` is where its keys come from.
#[derive(Clone)]
#[must_use]
pub struct TrustedIssuerBuilder<K = IssuerKeys> {
    issuer: TrustedIssuer,
    pub(crate) keys: K,
    /// An option for external issuers was set for an own one.
    is_misplaced: bool,
}

impl TrustedIssuerBuilder {
    pub(super) fn new(
        url: Arc<str>,
        origin: Origin,
        leeway: Duration,
        max_lifetime: Duration,
    ) -> Self {
        let keys = IssuerKeys::from(KeySet::default());
        let issuer = TrustedIssuer {
            url,
            audiences: Vec::new(),
            keys: keys.clone(),
            origin,
            leeway,
            max_lifetime,
            managed: None,
        };
        Self {
            issuer,
            keys,
            is_misplaced: false,
        }
    }

    pub(super) fn external(url: Arc<str>, rules: ExternalRules) -> Self {
        Self::new(
            url,
            Origin::External(rules),
            Duration::from_secs(30),
            DAY * 2,
        )
    }

    /// Sets the keys: a [`KeySet`], a [`SharedKeySet`](crate::jose::SharedKeySet), or with the feature `remote` keys
    /// that are fetched.
    pub fn keys(self, keys: impl Into<IssuerKeys>) -> Self {
        self.with_keys(keys.into())
    }

    /// Accepts managed tokens (`typ` `api-token+jwt`) with at most this lifetime. They are checked against their
    /// records, so they are rejected without a [`directory`](Self::directory) that contains these.
    pub fn managed_tokens(mut self, max_lifetime: Duration) -> Self {
        self.issuer.managed = Some(max_lifetime);
        self
    }

    /// Sets the directory that knows whether the credential of an own token has been revoked since. It has no effect
    /// on an external issuer.
    pub fn directory(mut self, directory: Arc<dyn Directory>) -> Self {
        if let Origin::Own(own) = &mut self.issuer.origin {
            *own = Some(directory);
        }
        self
    }

    /// Builds the issuer.
    ///
    /// # Errors
    ///
    /// [`TrustError`] if the URL, the audiences or the keys are missing, or the configuration is not secure.
    pub fn build(mut self) -> Result<TrustedIssuer, TrustError> {
        self.issuer.keys = self.keys;
        let mut issuer = self.issuer;
        let longest_leeway = Duration::from_secs(match issuer.origin {
            Origin::Own(_) => 5,
            Origin::External(_) => 300,
        });
        let mut lifetimes = [Some(issuer.max_lifetime), issuer.managed]
            .into_iter()
            .flatten();
        // Keys that are fetched cannot be checked here. They are never HMAC secrets.
        let keys = issuer.keys.held();
        if issuer.url.is_empty() {
            return Err(TrustError::NoUrl);
        } else if issuer.audiences.is_empty() || issuer.audiences.iter().any(|a| a.is_empty()) {
            return Err(TrustError::NoAudience);
        } else if keys.as_ref().is_some_and(|keys| keys.is_empty()) {
            return Err(TrustError::NoKey);
        } else if keys.is_some_and(|keys| keys.has_hmac_and_public()) {
            return Err(TrustError::MixedKeys);
        } else if issuer.leeway > longest_leeway {
            return Err(TrustError::Leeway(longest_leeway));
        } else if lifetimes.any(|lifetime| lifetime.is_zero() || lifetime > DAY * 366) {
            return Err(TrustError::MaxLifetime);
        } else if self.is_misplaced {
            return Err(TrustError::OwnIssuer);
        }
        if let Origin::External(rules) = &mut issuer.origin {
            rules.check(&issuer.url)?;
        }
        Ok(issuer)
    }
}

impl<K> TrustedIssuerBuilder<K> {
    /// Returns the URL.
    #[cfg(feature = "tracing")]
    pub(crate) fn url(&self) -> &str {
        &self.issuer.url
    }

    /// Replaces the keys by keys from elsewhere.
    pub(crate) fn with_keys<N>(self, keys: N) -> TrustedIssuerBuilder<N> {
        TrustedIssuerBuilder {
            issuer: self.issuer,
            keys,
            is_misplaced: self.is_misplaced,
        }
    }

    /// Changes a rule for the tokens of an external issuer.
    fn rule(mut self, change: impl FnOnce(&mut ExternalRules)) -> Self {
        match &mut self.issuer.origin {
            Origin::External(rules) => change(rules),
            Origin::Own(_) => self.is_misplaced = true,
        }
        self
    }

    /// Adds an audience (RFC 7519 §4.1.3). At least one is required. A token is accepted if it names one of them.
    pub fn audience(mut self, audience: impl Into<Box<str>>) -> Self {
        self.issuer.audiences.push(Arc::from(audience.into()));
        self
    }

    /// Sets how far the clocks may differ, in whole seconds: a fraction is cut off. The default is 2 s for own issuers, 30 s for external ones.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.issuer.leeway = leeway;
        self
    }

    /// Sets the longest time from `iat` to `exp`, and from now to `exp`, at most 366 days: 1 h by default for own issuers,
    /// 48 h for external ones.
    pub fn max_lifetime(mut self, max_lifetime: Duration) -> Self {
        self.issuer.max_lifetime = max_lifetime;
        self
    }

    /// Sets the types (`typ`) of tokens that are accepted. By default, they are `at+jwt`, `JWT`, `JOSE`, and none. A prefix
    /// `application/` and the case do not matter (RFC 7515 §4.1.9). A token without a type is accepted by default only.
    pub fn accepted_types<T: Into<Box<str>>>(self, types: impl IntoIterator<Item = T>) -> Self {
        self.rule(|rules| rules.types = Some(types.into_iter().map(Into::into).collect()))
    }

    /// Sets the length of the longest token, in bytes: 8,192 by default, at most 65,536.
    pub fn max_token_len(self, bytes: usize) -> Self {
        self.rule(|rules| rules.max_token_len = bytes)
    }

    /// Reads the audience from this claim, in place of `aud`. Access tokens of AWS Cognito have no `aud`, and name the
    /// client in `client_id`.
    pub fn audience_claim(self, name: impl Into<Box<str>>) -> Self {
        self.rule(|rules| rules.audience_claim = Some(name.into()))
    }

    /// Reads the subject from this claim, in place of `sub`. `email` is accepted only if the claim `email_verified` is `true`, or
    /// the string `"true"`, which some issuers write.
    pub fn subject_claim(self, name: impl Into<Box<str>>) -> Self {
        self.rule(|rules| rules.subject_claim = Some(name.into()))
    }

    /// Reads the scopes from these claims, in place of `scope`, or `scp` without `scope`. The elements of an array and the
    /// words of a string are scopes. A value of another type contains none, and a text that is not a scope (RFC 6749 §3.3),
    /// such as one with a space, is left out: require it with [`claim`](crate::require::claim).
    pub fn scopes_from<P: Into<ClaimPath>>(self, paths: impl IntoIterator<Item = P>) -> Self {
        self.rule(|rules| rules.scopes_from = paths.into_iter().map(Into::into).collect())
    }

    /// Makes the scopes patterns, in which `*` stands for any segments, as the scopes of this crate are. Set it for a
    /// server of this project as the issuer only.
    pub fn scope_patterns(self) -> Self {
        self.rule(|rules| rules.scope_patterns = true)
    }

    /// Accepts tokens of these tenants of an issuer whose URL contains `{tenantid}`, such as
    /// `https://login.microsoftonline.com/{tenantid}/v2.0`. The claim `tid` must be the tenant in `iss`.
    pub fn tenants<T: Into<Box<str>>>(self, tenants: impl IntoIterator<Item = T>) -> Self {
        self.with_tenants(Tenants::These(
            tenants.into_iter().map(Into::into).collect(),
        ))
    }

    /// Accepts tokens of any tenant.
    pub(crate) fn any_tenant(self) -> Self {
        self.with_tenants(Tenants::Any)
    }

    fn with_tenants(self, tenants: Tenants) -> Self {
        self.rule(|rules| rules.tenants = Some(tenants))
    }
}

impl ExternalRules {
    fn check(&mut self, url: &str) -> Result<(), TrustError> {
        let claims = [&self.audience_claim, &self.subject_claim];
        if claims.into_iter().flatten().any(|name| name.is_empty())
            || !self.scopes_from.iter().all(ClaimPath::is_valid)
        {
            return Err(TrustError::Claim);
        }
        for typ in self.types.iter_mut().flatten() {
            *typ = media_type(typ).into();
            if typ.is_empty()
                || OTHER_TYPES
                    .iter()
                    .any(|other| typ.eq_ignore_ascii_case(other))
            {
                return Err(TrustError::Type);
            }
        }
        if !(1024..=MAX_EXTERNAL_TOKEN).contains(&self.max_token_len) {
            return Err(TrustError::MaxTokenLen);
        }
        let has_tenants = !matches!(&self.tenants, Some(Tenants::These(these)) if these.is_empty());
        if self.tenants.is_some() != url.contains(TENANT) || !has_tenants {
            return Err(TrustError::Tenants);
        }
        if self.tenants == Some(Tenants::Any) && self.subject_claim.as_deref() == Some("email") {
            return Err(TrustError::EmailOfAnyTenant);
        }
        let is_domain_byte =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b);
        let domain = url.strip_prefix("spiffe://").unwrap_or_default();
        let is_domain = (1..=255).contains(&domain.len()) && domain.bytes().all(is_domain_byte);
        if self.is_trust_domain && !is_domain {
            return Err(TrustError::TrustDomain);
        }
        Ok(())
    }
}

impl<K> fmt::Debug for TrustedIssuerBuilder<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustedIssuerBuilder")
            .field("url", &self.issuer.url)
            .finish_non_exhaustive()
    }
}
