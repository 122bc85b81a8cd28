use crate::directory::{Directory, look_up};
use crate::principal::Principal;
use crate::reason::Reason;
use crate::time::Timestamp;

/// Checks again that the stored credential behind a principal may be used.
pub(super) fn revalidate_stored(
    directory: &dyn Directory,
    principal: &Principal,
    now: Timestamp,
) -> Result<(), Reason> {
    let id = principal.credential_id();
    let found = look_up(directory, || id.and_then(|id| directory.credential(id)))?;
    let credential = found.ok_or(Reason::CredentialRevoked)?;
    credential.usable(now, principal.address())?;
    let generations = (principal.generation(), principal.account_generation());
    if generations != (credential.generation, credential.account_generation) {
        return Err(Reason::Superseded);
    }
    Ok(())
}
