use std::fmt;
use std::sync::Arc;

use super::cache::TokenCache;
use super::key_source::TokenRejection;
use super::revalidate::revalidate;
use super::trusted::TrustedIssuer;
use super::verified::VerifiedToken;
use super::verify::verify;
use crate::credentials::ClientAddress;
use crate::jose::KnownHeaders;
use crate::principal::{Identity, Principal};
use crate::reason::Reason;
use crate::time::Timestamp;

/// How many bytes the cache of verified tokens may occupy by default.
const CACHE_BYTES: usize = 8 * 1024 * 1024;

/// Verifies the tokens of several issuers, and caches what their signatures prove.
pub(crate) struct CachingVerifier {
    issuers: Arc<[TrustedIssuer]>,
    headers: KnownHeaders,
    cache: Option<TokenCache>,
}

impl CachingVerifier {
    pub(crate) fn new(issuers: Arc<[TrustedIssuer]>) -> Self {
        Self::with_cache(issuers, CACHE_BYTES)
    }

    /// Verifies with a cache of its own of this many bytes. Without room for a token there is no cache.
    fn with_cache(issuers: Arc<[TrustedIssuer]>, bytes: usize) -> Self {
        Self {
            issuers,
            headers: KnownHeaders::default(),
            cache: TokenCache::new(bytes),
        }
    }

    /// Returns a verifier of the same issuers with another cache.
    pub(crate) fn resized(&self, bytes: usize) -> Self {
        Self::with_cache(Arc::clone(&self.issuers), bytes)
    }

    pub(crate) fn issuers(&self) -> &[TrustedIssuer] {
        &self.issuers
    }

    /// Verifies a token, which was presented from an address.
    pub(crate) fn verify(
        &self,
        token: &[u8],
        from: Option<ClientAddress>,
        now: Timestamp,
    ) -> Result<Identity, TokenRejection> {
        let Some(cache) = &self.cache else {
            let verified = verify(token, &self.issuers, &self.headers, now)?;
            return self.identity(verified, from, now);
        };
        let presented = cache.presented(token);
        if let Some(known) = cache.get(&presented)
            && let Some(issuer) = self.issuers.get(known.issuer)
            && let Some(version) = issuer.keys.version()
        {
            if version == known.keys {
                let result = known.check(issuer, now);
                let result = result.and_then(|()| Ok(known.identity(issuer, from, now)?));
                let is_expired =
                    |rejection: &TokenRejection| rejection.reason == Reason::TokenExpired;
                if result.as_ref().is_err_and(is_expired) {
                    cache.remove(&presented);
                }
                return result;
            }
            cache.remove(&presented);
        }
        let verified = verify(token, &self.issuers, &self.headers, now)?;
        let identity = self.identity(verified.clone(), from, now)?;
        cache.offer(&presented, verified);
        Ok(identity)
    }

    fn identity(
        &self,
        verified: VerifiedToken,
        from: Option<ClientAddress>,
        now: Timestamp,
    ) -> Result<Identity, TokenRejection> {
        let issuer = self.issuers.get(verified.issuer);
        let issuer = issuer.ok_or(Reason::IssuerUntrusted)?;
        Ok(verified.identity(issuer, from, now)?)
    }

    /// Checks the principal of an accepted token again.
    pub(crate) fn revalidate(&self, principal: &Principal, now: Timestamp) -> Result<(), Reason> {
        revalidate(principal, &self.issuers, now)
    }
}

impl fmt::Debug for CachingVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachingVerifier")
            .field("issuers", &self.issuers)
            .field("has_cache", &self.cache.is_some())
            .finish()
    }
}
