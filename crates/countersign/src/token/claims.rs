use crate::id::Id;
use crate::jose::json::{NumericDate, OneOrMany, Text, members, text};
use crate::reason::Reason;

members! {
    /// The claims that are used (RFC 7519 §4.1, RFC 9068 §2.2, and own ones).
    pub(super) struct Claims<'a> {
        pub(super) iss: Text<'a> = "iss",
        pub(super) sub: Text<'a> = "sub",
        pub(super) aud: OneOrMany<'a> = "aud",
        pub(super) exp: NumericDate = "exp",
        pub(super) nbf: NumericDate = "nbf",
        pub(super) iat: NumericDate = "iat",
        pub(super) jti: Text<'a> = "jti",
        pub(super) client_id: Text<'a> = "client_id",
        pub(super) scope: OneOrMany<'a> = "scope",
        pub(super) scp: OneOrMany<'a> = "scp",
        pub(super) account: Text<'a> = "account",
        pub(super) environment: Text<'a> = "environment",
        pub(super) credential_generation: u32 = "cgn",
        pub(super) account_generation: u32 = "agn",
        pub(super) session: Text<'a> = "sid",
        pub(super) session_generation: u32 = "sgn",
        ;
        /// The token is bound to a key (RFC 7800).
        pub(super) bound = "cnf"
    }
}

impl<'a> Claims<'a> {
    /// Returns the text of a string claim.
    pub(super) fn text<'b>(claim: &'b Option<Text<'a>>) -> Option<&'b str> {
        text(claim)
    }

    /// Returns the id in a claim, or `None` without the claim.
    pub(super) fn id(claim: &Option<Text<'a>>) -> Result<Option<Id>, Reason> {
        let id = text(claim).map(str::parse).transpose();
        id.map_err(|_| Reason::ClaimsMalformed)
    }
}
