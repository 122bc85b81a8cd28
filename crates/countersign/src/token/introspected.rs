use std::slice;

use super::claims::Claims;
use super::key_source::TokenRejection;
use super::trusted::{Origin, TrustedIssuer};
use super::verify::{Class, find_issuer, seconds};
use crate::jose::json;
use crate::principal::{Claims as Payload, Identity};
use crate::reason::Reason;
use crate::time::Timestamp;

/// Checks the claims that an external issuer has returned for an opaque token (RFC 7662 §2.2), as those of its signed tokens:
/// `iss`, `aud`, the times, `cnf` and the subject.
pub(crate) fn check_introspected(
    claims: Vec<u8>,
    issuer: &TrustedIssuer,
    now: Timestamp,
) -> Result<Identity, TokenRejection> {
    let payload = Payload::new(claims);
    let claims: Claims<'_> = json::object(payload.json()).ok_or(Reason::ClaimsMalformed)?;
    let (issuer, name) = find_issuer(slice::from_ref(issuer), &claims)?;
    issuer.check_audience(&claims, &payload)?;
    let exp = issuer.check_times(&claims, Class::Access, now)?;
    if claims.bound {
        return Err(Reason::TokenBound.into());
    }
    let identity = match &issuer.origin {
        Origin::External(rules) => rules.identity(payload.object())?,
        Origin::Own(_) => return Err(Reason::IssuerUntrusted.into()),
    };
    drop(claims);
    Ok(Identity {
        issuer: Some(name),
        expires_at: Some(seconds(exp)),
        accepted_until: Some(issuer.accepted_until(exp)),
        claims: payload,
        ..identity
    })
}
