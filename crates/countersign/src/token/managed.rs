use super::claims::{Claims, read, text};
use crate::credentials::{ClientAddress, Scheme};
use crate::directory::{Directory, StoredSecret, Usage, look_up};
use crate::id::Id;
use crate::jose::json::Value;
use crate::principal::{IdentityFields, Subject};
use crate::reason::Reason;
use crate::time::Timestamp;

/// The claims of a managed token that are used. Everything else is in its record.
pub(super) struct ManagedToken {
    id: Id,
    account_generation: u32,
}

impl ManagedToken {
    /// Reads the claims. A managed token is its own credential: `sub`, `client_id` and `jti` are equal.
    pub(super) fn read(claims: &Claims<'_>, subject: &str) -> Result<Self, Reason> {
        let malformed = Reason::ClaimsMalformed;
        if [&claims.client_id, &claims.jti]
            .iter()
            .any(|claim| text(claim) != Ok(Some(subject)))
        {
            return Err(malformed);
        }
        Ok(Self {
            id: subject.parse().map_err(|_| malformed)?,
            account_generation: read(&claims.account_generation, Value::u32)?.ok_or(malformed)?,
        })
    }

    /// Returns what the record of the token says at present.
    pub(super) fn identity(
        &self,
        directory: &dyn Directory,
        from: Option<ClientAddress>,
        now: Timestamp,
    ) -> Result<IdentityFields, Reason> {
        let record = look_up(directory, || directory.credential(&self.id))?
            .filter(|record| matches!(record.secret, StoredSecret::Signature))
            .ok_or(Reason::CredentialUnknown)?;
        if self.account_generation < record.account_generation {
            return Err(Reason::Superseded);
        }
        let identity = IdentityFields {
            token_id: Some(Subject::Id(self.id.text())),
            ..IdentityFields::proven(record, Scheme::Bearer, from, now)?
        };
        directory.used(Usage {
            credential: self.id,
            at: now,
            digest: None,
            password: None,
        });
        Ok(identity)
    }
}
