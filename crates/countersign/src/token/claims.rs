use crate::id::{Id, IdText};
use crate::jose::json::{OtherType, Value, members};
use crate::reason::Reason;

members! {
    /// The claims that are used (RFC 7519 §4.1, RFC 9068 §2.2, and own ones), in the order of own tokens. Their types are checked where they are used:
    /// external issuers may use the names of own claims for anything else.
    pub(super) struct Claims<'a> {
        pub(super) iss: Value<'a> = "iss",
        pub(super) sub: Value<'a> = "sub",
        pub(super) client_id: Value<'a> = "client_id",
        pub(super) aud: Value<'a> = "aud",
        pub(super) iat: Value<'a> = "iat",
        pub(super) exp: Value<'a> = "exp",
        pub(super) jti: Value<'a> = "jti",
        pub(super) scope: Value<'a> = "scope",
        pub(super) account: Value<'a> = "account",
        pub(super) environment: Value<'a> = "environment",
        pub(super) credential_generation: Value<'a> = "cgn",
        pub(super) account_generation: Value<'a> = "agn",
        pub(super) session: Value<'a> = "sid",
        pub(super) session_generation: Value<'a> = "sgn",
        pub(super) nbf: Value<'a> = "nbf",
        pub(super) scp: Value<'a> = "scp",
        pub(super) tid: Value<'a> = "tid",
        ;
        /// The token is bound to a key (RFC 7800).
        pub(super) bound = "cnf"
    }
}

impl From<OtherType> for Reason {
    fn from(OtherType: OtherType) -> Self {
        Self::ClaimsMalformed
    }
}

/// Reads a claim by one of the methods of [`Value`], or returns `None` without the claim.
pub(super) fn read<'b, 'a, T>(
    claim: &'b Option<Value<'a>>,
    read: impl FnOnce(&'b Value<'a>) -> Result<T, OtherType>,
) -> Result<Option<T>, Reason> {
    Ok(claim.as_ref().map(read).transpose()?)
}

/// Returns the text of a claim.
pub(super) fn text<'b>(claim: &'b Option<Value<'_>>) -> Result<Option<&'b str>, Reason> {
    read(claim, Value::text)
}

/// Returns the id in a claim, and its characters.
pub(super) fn id(claim: &Option<Value<'_>>) -> Result<Option<(Id, IdText)>, Reason> {
    let id = text(claim)?.map(IdText::parse).transpose();
    id.map_err(|_| Reason::ClaimsMalformed)
}

impl Claims<'_> {
    /// Checks the types of the claims of an own token, whether they are used for it or not.
    pub(super) fn check_own(&self) -> Result<(), Reason> {
        for claim in [
            &self.jti,
            &self.client_id,
            &self.account,
            &self.environment,
            &self.session,
        ] {
            text(claim)?;
        }
        for claim in [
            &self.credential_generation,
            &self.account_generation,
            &self.session_generation,
        ] {
            read(claim, Value::u32)?;
        }
        for claim in [&self.scope, &self.scp] {
            read(claim, |scopes| scopes.find_name(|_| None::<()>))?;
        }
        Ok(())
    }
}
