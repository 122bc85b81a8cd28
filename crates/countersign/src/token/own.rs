use std::sync::OnceLock;

use super::claims::{Claims, id, read, text};
use super::revalidate::check_denials;
use crate::credentials::Scheme;
use crate::directory::Directory;
use crate::id::IdText;
use crate::jose::json::Value;
use crate::principal::{IdentityFields, Subject};
use crate::reason::Reason;
use crate::scope::Scopes;

/// Reads the claims of an own token: its id, and its credential, account and session with their generations. It is called once, and
/// inlined so that the fields are not moved.
#[inline]
pub(super) fn read_own(claims: &Claims<'_>, subject: &str) -> Result<IdentityFields, Reason> {
    let malformed = Reason::ClaimsMalformed;
    if text(&claims.client_id)? != Some(subject) {
        return Err(malformed);
    }
    let session = match (
        id(&claims.session)?,
        read(&claims.session_generation, Value::u32)?,
    ) {
        (Some((session, _)), Some(generation)) => Some((session, generation)),
        (None, None) => None,
        _ => return Err(malformed),
    };
    let generation = |claim| read(claim, Value::u32)?.ok_or(malformed);
    let scope = text(&claims.scope)?.unwrap_or_default();
    let (token, _) = id(&claims.jti)?.ok_or(malformed)?;
    let (credential, subject) = IdText::parse(subject).map_err(|_| malformed)?;
    let generation_of_credential = generation(&claims.credential_generation)?;
    let (account, _) = id(&claims.account)?.ok_or(malformed)?;
    let generation_of_account = generation(&claims.account_generation)?;
    let environment = id(&claims.environment)?.map(|(environment, _)| environment);
    let scopes = Scopes::from_token(scope).map_err(|_| malformed)?;
    Ok(IdentityFields {
        credential: Some(credential),
        generation: generation_of_credential,
        account: Some(account),
        account_generation: generation_of_account,
        environment,
        session,
        token_id: Some(Subject::Stored(token, OnceLock::new())),
        ..IdentityFields::bare(Scheme::Bearer, Subject::Id(subject), scopes)
    })
}

/// Checks that neither an own token nor its credential, account or session is denied.
pub(super) fn check_own_denials(
    directory: &dyn Directory,
    issuer: &str,
    identity: &IdentityFields,
) -> Result<(), Reason> {
    let token = identity.token_id.as_ref().and_then(Subject::id);
    let token = token.ok_or(Reason::ClaimsMalformed)?;
    let origins = [
        identity.credential.map(|id| (id, identity.generation)),
        identity.account.map(|id| (id, identity.account_generation)),
        identity.session,
    ];
    check_denials(directory, issuer, token, origins)
}
