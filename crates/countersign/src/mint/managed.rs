use super::claims::Claims;
use super::service::sign;
use super::{Mint, MintError};
use crate::directory::CredentialKind;
use crate::principal::PrimaryPrincipal;
use crate::registry::Record;
use crate::secret::Secret;

impl Mint {
    /// Returns the managed token of a record: a JWT of `typ` `api-token+jwt` that is valid as long as its
    /// record and its account are. With the same signing key and a deterministic algorithm, every call
    /// returns the same token.
    ///
    /// # Errors
    ///
    /// - [`MintError::Principal`] if the record is not that of a managed token of the creator's account,
    ///   or has no expiry;
    /// - [`MintError::Audience`] if the issuer has no audience;
    /// - [`MintError::NoKey`] if none of the issuer's keys signs yet;
    /// - [`MintError::Failed`] if signing failed.
    pub fn managed_token(
        &self,
        creator: &PrimaryPrincipal,
        record: &Record,
    ) -> Result<Secret, MintError> {
        let creator = creator.principal();
        let (CredentialKind::Token, Some(end)) = (record.kind, record.expires_at) else {
            return Err(MintError::Principal);
        };
        if creator.account() != Some(&record.account_id) {
            return Err(MintError::Principal);
        }
        let issuer = &*self.issuer().0;
        let id = record.id.text();
        // A managed token is its own subject, client and id. Its record decides what it may do; the scopes in the token
        // only inform its holder.
        let claims = Claims {
            iss: &issuer.url,
            sub: id.as_str(),
            client_id: id.as_str(),
            aud: issuer.audiences.first().ok_or(MintError::Audience)?,
            iat: record.created_at.unix_seconds(),
            exp: end.unix_seconds(),
            jti: record.id,
            scope: record.scopes.as_str(),
            account: &record.account_id,
            environment: record.environment_id.as_ref(),
            cgn: None,
            agn: creator.account_generation(),
            sid: None,
            sgn: None,
        };
        let key = self.signing_key(self.clock().now())?;
        sign(&key, &key.managed_token_header(), &claims)
    }
}
