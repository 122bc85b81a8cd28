use super::trusted::TrustedIssuer;
use crate::directory::{Directory, look_up};
use crate::id::Id;
use crate::principal::Principal;
use crate::reason::Reason;
use crate::time::Timestamp;

/// Checks the principal of an accepted token again: expiry with the leeway of its issuer, denials and
/// generations, without the signature.
pub(crate) fn revalidate(
    principal: &Principal,
    issuers: &[TrustedIssuer],
    now: Timestamp,
) -> Result<(), Reason> {
    if principal.accepted_until().is_none_or(|end| now >= end) {
        return Err(Reason::TokenExpired);
    }
    let issuer = issuers
        .iter()
        .find(|issuer| principal.issuer().is_some_and(|name| issuer.is_named(name)))
        .ok_or(Reason::IssuerUntrusted)?;
    let Some(directory) = issuer.directory() else {
        return Ok(());
    };
    let id = principal.token_id().and_then(|id| id.parse().ok());
    let (Some(token), Some(credential)) = (id, principal.credential_id()) else {
        return Err(Reason::ClaimsMalformed);
    };
    let account = principal
        .account()
        .map(|account| (*account, principal.account_generation()));
    // A managed token is its own credential, and its record decides.
    if token == *credential {
        let record = look_up(directory, || directory.credential(credential))?
            .ok_or(Reason::CredentialUnknown)?;
        record.usable(now, principal.address())?;
        let generations = (principal.generation(), principal.account_generation());
        if generations != (record.generation, record.account_generation) {
            return Err(Reason::Superseded);
        }
        return Ok(());
    }
    let origins = [
        Some((*credential, principal.generation())),
        account,
        principal.session_generation(),
    ];
    check_denials(directory, issuer.url(), &token, origins)
}

/// Checks that neither a token nor its origins are denied. The comparison is exact and uses no clock:
/// what was revoked has a higher generation than the tokens that were minted before.
pub(super) fn check_denials(
    directory: &dyn Directory,
    issuer: &str,
    token: &Id,
    origins: [Option<(Id, u32)>; 3],
) -> Result<(), Reason> {
    let superseded =
        |(entity, generation): (Id, u32)| !directory.accepts_generation(&entity, generation);
    let (is_denied, is_superseded) = look_up(directory, || {
        let is_denied = directory.is_denied(issuer, token);
        (is_denied, origins.into_iter().flatten().any(superseded))
    })?;
    if is_denied {
        return Err(Reason::TokenRevoked);
    }
    if is_superseded {
        return Err(Reason::Superseded);
    }
    Ok(())
}
