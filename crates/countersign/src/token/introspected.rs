use std::slice;

use super::claims::Claims;
use super::key_source::TokenRejection;
use super::trusted::{Origin, TrustedIssuer};
use super::verified::{Class, Dates, complete};
use super::verify::find_issuer;
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
    let (_, issuer, name) = find_issuer(slice::from_ref(issuer), &claims)?;
    issuer.accepted_audience(&claims, &payload)?;
    let dates = Dates::read(&claims)?;
    issuer.check_dates(&dates, Class::Access, now)?;
    if claims.bound {
        return Err(Reason::TokenBound.into());
    }
    let fields = match &issuer.origin {
        Origin::External(rules) => rules.identity(&claims, &payload)?,
        Origin::Own(_) => return Err(Reason::IssuerUntrusted.into()),
    };
    Ok(complete(fields, &payload, name, dates.exp, issuer))
}
