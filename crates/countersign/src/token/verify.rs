//! Verification of one token. Every check that does not need the signature comes before it, in this order:
//!
//! 1. length, three parts, the header's JSON, `crit`, `b64`, `zip` and `enc`, `alg`, the form of `kid`
//! 2. the claims' JSON, `iss`, and what else the issuer demands: its longest token; for an own issuer, a short header without
//!    keys, the exact algorithm and the types of the claims
//! 3. `typ`, `aud`, `exp`, `iat`, `nbf`, the lifetime, `cnf`, `sub` and required claims
//! 4. the key and the signature
//! 5. denials, or the record of a managed token: see [`VerifiedToken`]

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;

use super::claims::{Claims, read, text};
use super::key_source::TokenRejection;
use super::managed::ManagedToken;
use super::own::read_own;
use super::trusted::{MAX_EXTERNAL_TOKEN, MAX_TOKEN, Origin, TrustedIssuer};
use super::verified::{Class, Content, Dates, Unverified, VerifiedToken, complete};
use crate::jose::json;
use crate::jose::{CheckedHeader, HeaderBuffer, Jws, KnownHeaders};
use crate::principal::Claims as Payload;
use crate::reason::Reason;
use crate::time::Timestamp;

/// The longest `sub`, in bytes (OpenID Connect Core §2).
const MAX_SUBJECT: usize = 255;

/// Verifies a presented token up to its signature.
pub(super) fn verify(
    token: &[u8],
    issuers: &[TrustedIssuer],
    headers: &KnownHeaders,
    now: Timestamp,
) -> Result<VerifiedToken, TokenRejection> {
    let longest = issuers.iter().map(TrustedIssuer::max_token_len).max();
    let jws = Jws::parse(token, longest.unwrap_or(MAX_TOKEN))?;
    let (mut buffer, parsed);
    let known = headers.find(&jws);
    let header = match known {
        Some(known) => known,
        None => {
            buffer = HeaderBuffer::new();
            parsed = jws.header(&mut buffer)?;
            parsed.checked()?
        }
    };

    let payload = Payload::new(jws.payload()?);
    let mut claims = Claims::default();
    json::object_into(payload.json(), &mut claims).ok_or(Reason::ClaimsMalformed)?;
    let (index, issuer, name) = find_issuer(issuers, &claims)?;
    if jws.len() > issuer.max_token_len() {
        return Err(Reason::TokenTooLong.into());
    }
    if matches!(issuer.origin, Origin::Own(_)) {
        if jws.has_long_header() {
            return Err(Reason::TokenMalformed.into());
        }
        header.own?;
        claims.check_own()?;
    }

    let class = issuer.class(&header)?;
    let audience = issuer.accepted_audience(&claims, &payload)?;
    let dates = Dates::read(&claims)?;
    issuer.check_dates(&dates, class, now)?;
    if claims.bound {
        return Err(Reason::TokenBound.into());
    }
    let unverified = Unverified {
        issuer: index,
        audience: Arc::clone(audience),
        dates,
        content: issuer.read(&claims, class, &payload, name, dates.exp)?,
    };
    let keys = issuer.keys.load(header.key_id)?;
    let key = keys
        .find(header.algorithm, header.key_id)
        .ok_or_else(|| TokenRejection {
            key_fetch: issuer.keys.fetch_missing(&keys, header.key_id),
            ..TokenRejection::key_unknown(&issuer.url, header.algorithm, header.key_id)
        })?;
    if let Some(other) = key.of_other_issuer(text(&claims.iss)?) {
        let explanation = format!("the key of the token is for tokens of {other} only");
        return Err(TokenRejection::explained(Reason::KeyUnknown, explanation));
    }

    let signature = jws
        .verify_signature(key)
        .map_err(|reason| TokenRejection::signature(reason, &issuer.url, key))?;
    if known.is_none() {
        headers.learn(&jws, &header);
    }
    Ok(unverified.verified(signature, &keys))
}

/// Reads when a token was issued. Nothing of the token is verified by this.
pub(crate) fn issued_at(token: &[u8]) -> Option<Timestamp> {
    Some(seconds(unverified_dates(token)?.iat?.rounded_up))
}

/// Reads when a token expires. Nothing of the token is verified by this.
pub(crate) fn expires_at(token: &[u8]) -> Option<Timestamp> {
    Some(seconds(unverified_dates(token)?.exp))
}

fn unverified_dates(token: &[u8]) -> Option<Dates> {
    let jws = Jws::parse(token, MAX_EXTERNAL_TOKEN).ok()?;
    let payload = Payload::new(jws.payload().ok()?);
    let claims: Claims<'_> = json::object(payload.json())?;
    Dates::read(&claims).ok()
}

/// Returns the issuer of a token with its index, and the name of the issuer for the principal.
pub(super) fn find_issuer<'i>(
    issuers: &'i [TrustedIssuer],
    claims: &Claims<'_>,
) -> Result<(usize, &'i TrustedIssuer, Arc<str>), TokenRejection> {
    let iss = text(&claims.iss)?;
    let mut found = issuers
        .iter()
        .enumerate()
        .filter_map(|(index, issuer)| Some((index, issuer, issuer.name_in(claims, iss)?)));
    found.next().ok_or_else(|| {
        let known = issuers.iter().map(TrustedIssuer::url);
        let found = iss.map(Json::from);
        TokenRejection::unexpected(Reason::IssuerUntrusted, "iss", found.as_ref(), known)
    })
}

impl TrustedIssuer {
    /// Returns the name of the issuer for the principal, if the token is one of this issuer.
    fn name_in(&self, claims: &Claims<'_>, iss: Option<&str>) -> Option<Arc<str>> {
        let of_token = |claim| text(claim).ok().flatten();
        match &self.origin {
            Origin::External(rules) if rules.is_trust_domain => {
                let path = of_token(&claims.sub)?
                    .strip_prefix(&*self.url)?
                    .strip_prefix('/')?;
                (!path.is_empty()).then(|| Arc::clone(&self.url))
            }
            Origin::External(rules) if rules.tenants.is_some() => {
                let tenant = rules.tenant(&self.url, iss?)?;
                (of_token(&claims.tid)? == tenant).then(|| iss.unwrap_or_default().into())
            }
            _ => (*self.url == *iss?).then(|| Arc::clone(&self.url)),
        }
    }

    /// Reads the claims that a token of this kind must have.
    #[inline]
    fn read(
        &self,
        claims: &Claims<'_>,
        class: Class,
        payload: &Payload,
        name: Arc<str>,
        exp: i64,
    ) -> Result<Content, Reason> {
        let own_subject = || subject(text(&claims.sub)?);
        let complete = |fields, name| complete(fields, payload, name, exp, self);
        Ok(match (&self.origin, class) {
            (Origin::External(rules), _) => {
                Content::External(complete(rules.identity(claims, payload)?, name))
            }
            (Origin::Own(_), Class::Managed) => Content::Managed(
                ManagedToken::read(claims, own_subject()?)?,
                name,
                payload.clone(),
            ),
            (Origin::Own(_), Class::Access) => {
                Content::Own(complete(read_own(claims, own_subject()?)?, name))
            }
        })
    }

    /// Returns the kind of a token. A token of one kind is never accepted as another (RFC 8725 §3.11, RFC 9068 §4).
    fn class(&self, header: &CheckedHeader<'_>) -> Result<Class, Reason> {
        let typ = header.typ.map(media_type);
        let is = |name: &str| typ.is_some_and(|typ| typ.eq_ignore_ascii_case(name));
        match &self.origin {
            Origin::External(rules) if rules.accepts_type(typ) => Ok(Class::Access),
            Origin::Own(_) if is("at+jwt") => Ok(Class::Access),
            // Managed tokens cannot be checked without their records.
            Origin::Own(Some(_)) if is("api-token+jwt") && self.managed.is_some() => {
                Ok(Class::Managed)
            }
            _ => Err(Reason::TypeRejected),
        }
    }

    /// Returns the audience of the token that this service is, or the first one of several.
    pub(super) fn accepted_audience(
        &self,
        claims: &Claims<'_>,
        payload: &Payload,
    ) -> Result<&Arc<str>, TokenRejection> {
        let find = |name: &str| self.audiences.iter().find(|known| ***known == *name);
        let is_read =
            !matches!(&self.origin, Origin::External(rules) if rules.audience_claim.is_some());
        let found = match is_read {
            true => read(&claims.aud, |aud| aud.find_name(find))?.flatten(),
            false => match payload.object().get(self.audience_claim()) {
                Some(Json::String(name)) => find(name),
                Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).find_map(find),
                _ => None,
            },
        };
        found.ok_or_else(|| self.audience_mismatch(payload))
    }

    /// Checks the audience of a token again.
    pub(super) fn check_audience(
        &self,
        audience: &str,
        payload: &Payload,
    ) -> Result<(), TokenRejection> {
        match self.audiences.iter().any(|known| **known == *audience) {
            true => Ok(()),
            false => Err(self.audience_mismatch(payload)),
        }
    }

    fn audience_claim(&self) -> &str {
        match &self.origin {
            Origin::External(rules) => rules.audience_claim.as_deref().unwrap_or("aud"),
            Origin::Own(_) => "aud",
        }
    }

    fn audience_mismatch(&self, payload: &Payload) -> TokenRejection {
        let claim = self.audience_claim();
        let found = payload.object().get(claim);
        let known = self.audiences.iter().map(|known| &**known);
        TokenRejection::unexpected(Reason::AudienceMismatch, claim, found, known)
    }

    /// Checks `exp`, `nbf` and `iat` (RFC 7519 §4.1.4 to §4.1.6), in whole seconds and with saturating arithmetic.
    pub(super) fn check_dates(
        &self,
        dates: &Dates,
        class: Class,
        now: Timestamp,
    ) -> Result<(), TokenRejection> {
        let max_lifetime = whole_seconds(match (class, self.managed) {
            (Class::Managed, Some(longest)) => longest,
            _ => self.max_lifetime,
        });
        let leeway = whole_seconds(self.leeway);
        let exp = dates.exp;
        let iat = dates.iat.map(|date| date.rounded_down);
        if exp <= 0 || now >= self.accepted_until(exp) {
            let behind = now.unix_seconds().saturating_sub(exp);
            let explanation = format!("exp is {behind} s behind the clock of this machine");
            return Err(TokenRejection::explained(Reason::TokenExpired, explanation));
        }
        for (name, start) in [("iat", dates.iat), ("nbf", dates.nbf)] {
            let Some(start) = start.map(|date| date.rounded_up) else {
                continue;
            };
            if now < seconds(start.saturating_sub(leeway)) || start > exp {
                let ahead = start.saturating_sub(now.unix_seconds());
                let explanation = format!("{name} is {ahead} s ahead of the clock of this machine");
                return Err(TokenRejection::explained(Reason::NotYetValid, explanation));
            }
        }
        if iat.is_none() && matches!(self.origin, Origin::Own(_)) {
            return Err(Reason::ClaimsMalformed.into());
        }
        let from_now = exp.saturating_sub(now.unix_seconds());
        let from_iat = iat.map_or(0, |iat| exp.saturating_sub(iat));
        if from_now > max_lifetime.saturating_add(leeway) || from_iat > max_lifetime {
            let lifetime = from_now.max(from_iat);
            let explanation = format!(
                "the token is valid for {lifetime} s, and {max_lifetime} s is the longest lifetime"
            );
            return Err(TokenRejection::explained(
                Reason::LifetimeTooLong,
                explanation,
            ));
        }
        Ok(())
    }

    /// Returns until when a token with this `exp` is accepted.
    pub(super) fn accepted_until(&self, exp: i64) -> Timestamp {
        seconds(exp.saturating_add(whole_seconds(self.leeway)))
    }
}

fn whole_seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

pub(super) fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

/// Checks the subject. It is written to logs and, by gateways, to headers, so control characters are rejected.
pub(super) fn subject(sub: Option<&str>) -> Result<&str, Reason> {
    // Bytes are compared faster than characters, and the subjects of nearly all tokens are printable ASCII.
    let is_printable = |sub: &str| sub.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    sub.filter(|sub| (1..=MAX_SUBJECT).contains(&sub.len()))
        .filter(|sub| is_printable(sub) || !sub.chars().any(char::is_control))
        .ok_or(Reason::ClaimsMalformed)
}

/// Returns a media type without the prefix `application/`, which may be left out (RFC 7515 §4.1.9).
pub(super) fn media_type(typ: &str) -> &str {
    match typ.split_once('/') {
        Some((kind, rest)) if kind.eq_ignore_ascii_case("application") && !rest.contains('/') => {
            rest
        }
        _ => typ,
    }
}
