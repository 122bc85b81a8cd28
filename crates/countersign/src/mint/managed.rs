use serde::Serialize;

use super::service::sign;
use super::{Mint, MintError};
use crate::directory::CredentialKind;
use crate::id::Id;
use crate::principal::PrimaryPrincipal;
use crate::registry::Record;
use crate::secret::Secret;

/// The claims of a managed token. It is its own subject, client and id; its record says what it may do, and the
/// scopes here are for its holder to read.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a Id,
    client_id: &'a Id,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: &'a Id,
    scope: &'a str,
    account: &'a Id,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'a Id>,
    agn: u32,
}

impl Mint {
    /// The managed token of a record that a primary principal has made: a JWT of `typ` `api-token+jwt` that is accepted for as long as its record
    /// and its account are. Asked again, with the same signing key, it is the same token where the algorithm is
    /// deterministic.
    ///
    /// # Errors
    ///
    /// [`MintError::Principal`] when the record is not a managed token's of the creator's account, or has no end;
    /// [`MintError::NoKey`] and [`MintError::Failed`] as for [`mint`](Self::mint).
    pub fn managed_token(
        &self,
        creator: &PrimaryPrincipal,
        record: &Record,
    ) -> Result<Secret, MintError> {
        let (CredentialKind::Token, Some(end)) = (record.kind, record.expires_at) else {
            return Err(MintError::Principal);
        };
        if creator.account() != Some(&record.account_id) {
            return Err(MintError::Principal);
        }
        let issuer = &*self.issuer().0;
        let claims = Claims {
            iss: &issuer.url,
            sub: &record.id,
            client_id: &record.id,
            aud: issuer.audiences.first().ok_or(MintError::Audience)?,
            iat: record.created_at.unix_seconds(),
            exp: end.unix_seconds(),
            jti: &record.id,
            scope: record.scopes.as_str(),
            account: &record.account_id,
            environment: record.environment_id.as_ref(),
            agn: creator.account_generation(),
        };
        let key = self.signing_key(self.clock().now())?;
        sign(&key, &key.managed_token_header(), &claims)
    }
}
