//! Verification of one token. Every check that does not need the signature comes before it.

use std::sync::Arc;
use std::time::Duration;

use super::claims::Claims;
use super::key_source::TokenRejection;
use super::managed::ManagedToken;
use super::own::OwnToken;
use super::trusted::{Origin, TrustedIssuer};
use crate::credentials::Scheme;
use crate::jose::json::{self, OneOrMany};
use crate::jose::{Header, HeaderBuffer, Jws, SignatureVerified};
use crate::principal::{Identity, Subject};
use crate::reason::Reason;
use crate::scope::Scopes;
use crate::time::Timestamp;

/// The longest `sub`, in bytes (OpenID Connect Core §2).
const MAX_SUBJECT: usize = 255;

/// Verifies a presented token.
pub(crate) fn verify(
    token: &[u8],
    issuers: &[TrustedIssuer],
    now: Timestamp,
) -> Result<Identity, TokenRejection> {
    let jws = Jws::parse(token)?;
    let mut buffer = HeaderBuffer::new();
    let header = jws.header(&mut buffer)?;
    let (algorithm, key_id) = header.supported()?;

    let payload = jws.payload()?;
    let claims: Claims<'_> = json::object(&payload).ok_or(Reason::ClaimsMalformed)?;
    let iss = Claims::text(&claims.iss).ok_or(Reason::IssuerUntrusted)?;
    let issuer = issuers
        .iter()
        .find(|issuer| *issuer.url == *iss)
        .ok_or(Reason::IssuerUntrusted)?;

    let class = issuer.class(&header)?;
    issuer.check_audience(claims.aud.as_ref())?;
    let exp = issuer.check_times(&claims, class, now)?;
    if claims.bound {
        return Err(Reason::TokenBound.into());
    }
    let subject = subject(Claims::text(&claims.sub))?;
    let keys = issuer.keys.load(key_id)?;
    let key = keys
        .find(algorithm, key_id)
        .ok_or_else(|| issuer.keys.missing(&keys, key_id))?;
    let unverified = issuer.read(&claims, class, subject)?;

    let signature = jws.verify_signature(key)?;
    let identity = unverified.identity(signature, issuer, now)?;
    drop(claims);
    Ok(Identity {
        issuer: Some(Arc::clone(&issuer.url)),
        expires_at: Some(seconds(exp)),
        accepted_until: Some(issuer.accepted_until(exp)),
        payload: Some(payload.into()),
        ..identity
    })
}

/// The kind of a token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Access,
    Managed,
}

/// The well-formed claims of a token. They become an identity only after the signature is verified.
enum Unverified {
    Own(OwnToken),
    Managed(ManagedToken),
    External(Identity),
}

impl Unverified {
    fn identity(
        self,
        _: SignatureVerified,
        issuer: &TrustedIssuer,
        now: Timestamp,
    ) -> Result<Identity, Reason> {
        let directory = issuer.directory();
        match self {
            Self::Own(token) => {
                if let Some(directory) = directory {
                    token.check_denials(directory, &issuer.url)?;
                }
                Ok(token.identity())
            }
            Self::Managed(token) => token.identity(directory.ok_or(Reason::TypeRejected)?, now),
            Self::External(identity) => Ok(identity),
        }
    }
}

impl TrustedIssuer {
    /// Reads the claims that a token of this kind must have.
    fn read(&self, claims: &Claims<'_>, class: Class, subject: &str) -> Result<Unverified, Reason> {
        Ok(match (&self.origin, class) {
            (Origin::External, _) => Unverified::External(external(claims, subject)),
            (Origin::Own(_), Class::Managed) => {
                Unverified::Managed(ManagedToken::read(claims, subject)?)
            }
            (Origin::Own(_), Class::Access) => Unverified::Own(OwnToken::read(claims, subject)?),
        })
    }

    /// Returns the kind of a token. A token of one kind is never accepted as another (RFC 8725 §3.11, RFC 9068 §4).
    fn class(&self, header: &Header<'_>) -> Result<Class, Reason> {
        let typ = header.typ();
        let is = |name: &str| typ.is_some_and(|typ| is_media_type(typ, name));
        match &self.origin {
            _ if is("at+jwt") => Ok(Class::Access),
            Origin::External if !self.at_jwt_only && (typ.is_none() || is("JWT")) => {
                Ok(Class::Access)
            }
            // Managed tokens cannot be checked without their records.
            Origin::Own(Some(_)) if is("api-token+jwt") && self.managed.is_some() => {
                Ok(Class::Managed)
            }
            _ => Err(Reason::TypeRejected),
        }
    }

    fn check_audience(&self, aud: Option<&OneOrMany<'_>>) -> Result<(), Reason> {
        let is_known = |name: &str| self.audiences.iter().any(|known| **known == *name);
        aud.is_some_and(|aud| aud.iter().any(is_known))
            .then_some(())
            .ok_or(Reason::AudienceMismatch)
    }

    /// Checks `exp`, `nbf` and `iat` (RFC 7519 §4.1.4 to §4.1.6), in whole seconds and with saturating arithmetic.
    /// Returns `exp`.
    fn check_times(
        &self,
        claims: &Claims<'_>,
        class: Class,
        now: Timestamp,
    ) -> Result<i64, Reason> {
        let max_lifetime = whole_seconds(match (class, self.managed) {
            (Class::Managed, Some(longest)) => longest,
            _ => self.max_lifetime,
        });
        let leeway = whole_seconds(self.leeway);
        // A fraction of a second is never rounded in favour of the token.
        let exp = claims.exp.ok_or(Reason::TokenExpired)?.rounded_down;
        let iat = claims.iat.map(|date| date.rounded_down);
        let starts = [claims.iat, claims.nbf].into_iter().flatten();
        if exp <= 0 || now >= self.accepted_until(exp) {
            return Err(Reason::TokenExpired);
        }
        for start in starts.map(|date| date.rounded_up) {
            if now < seconds(start.saturating_sub(leeway)) || start > exp {
                return Err(Reason::NotYetValid);
            }
        }
        if iat.is_none() && matches!(self.origin, Origin::Own(_)) {
            return Err(Reason::ClaimsMalformed);
        }
        let from_now = exp.saturating_sub(now.unix_seconds());
        let from_iat = iat.map_or(0, |iat| exp.saturating_sub(iat));
        if from_now > max_lifetime.saturating_add(leeway) || from_iat > max_lifetime {
            return Err(Reason::LifetimeTooLong);
        }
        Ok(exp)
    }

    fn accepted_until(&self, exp: i64) -> Timestamp {
        seconds(exp.saturating_add(whole_seconds(self.leeway)))
    }
}

/// Compares a `typ` with a media type, before which `application/` may be left out (RFC 7515 §4.1.9).
fn is_media_type(typ: &str, name: &str) -> bool {
    const PREFIX: &str = "application/";
    let rest = typ.split_at_checked(PREFIX.len());
    let rest = rest.filter(|(prefix, _)| prefix.eq_ignore_ascii_case(PREFIX));
    rest.map_or(typ, |(_, rest)| rest)
        .eq_ignore_ascii_case(name)
}

fn whole_seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

/// Checks the subject. It is written to logs and, by gateways, to headers, so control characters are rejected.
fn subject(sub: Option<&str>) -> Result<&str, Reason> {
    sub.filter(|sub| (1..=MAX_SUBJECT).contains(&sub.len()))
        .filter(|sub| !sub.chars().any(char::is_control))
        .ok_or(Reason::ClaimsMalformed)
}

/// Returns the identity in a token of an external issuer, whose scopes are opaque.
fn external(claims: &Claims<'_>, subject: &str) -> Identity {
    let scopes = match claims.scope.as_ref().or(claims.scp.as_ref()) {
        None => Scopes::none(),
        Some(list) => Scopes::opaque(&list.iter().collect::<Vec<_>>().join(" ")),
    };
    Identity {
        token_id: Claims::text(&claims.jti).map(|id| Subject::Text(id.into())),
        ..Identity::bare(Scheme::Bearer, Subject::Text(subject.into()), scopes)
    }
}
