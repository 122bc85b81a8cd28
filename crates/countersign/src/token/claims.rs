use serde::de::MapAccess;

use crate::id::Id;
use crate::jose::json::{Anything, Members, NumericDate, OneOrMany, Taken, Text, once};

/// The claims that judging looks at (RFC 7519 §4.1, RFC 9068 §2.2, and ours).
#[derive(Default)]
pub(super) struct Claims<'a> {
    pub(super) iss: Option<Text<'a>>,
    pub(super) sub: Option<Text<'a>>,
    pub(super) aud: Option<OneOrMany<'a>>,
    pub(super) exp: Option<NumericDate>,
    pub(super) nbf: Option<NumericDate>,
    pub(super) iat: Option<NumericDate>,
    pub(super) jti: Option<Text<'a>>,
    pub(super) client_id: Option<Text<'a>>,
    pub(super) scope: Option<OneOrMany<'a>>,
    pub(super) scp: Option<OneOrMany<'a>>,
    pub(super) account: Option<Text<'a>>,
    pub(super) environment: Option<Text<'a>>,
    pub(super) credential_generation: Option<u32>,
    pub(super) account_generation: Option<u32>,
    pub(super) session: Option<Text<'a>>,
    pub(super) session_generation: Option<u32>,
    /// `cnf` (RFC 7800): the token is bound to a key.
    pub(super) bound: bool,
}

impl<'de> Members<'de> for Claims<'de> {
    fn take<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<Taken, A::Error> {
        match name {
            "iss" => once(&mut self.iss, map),
            "sub" => once(&mut self.sub, map),
            "aud" => once(&mut self.aud, map),
            "exp" => once(&mut self.exp, map),
            "nbf" => once(&mut self.nbf, map),
            "iat" => once(&mut self.iat, map),
            "jti" => once(&mut self.jti, map),
            "client_id" => once(&mut self.client_id, map),
            "scope" => once(&mut self.scope, map),
            "scp" => once(&mut self.scp, map),
            "account" => once(&mut self.account, map),
            "environment" => once(&mut self.environment, map),
            "cgn" => once(&mut self.credential_generation, map),
            "agn" => once(&mut self.account_generation, map),
            "sid" => once(&mut self.session, map),
            "sgn" => once(&mut self.session_generation, map),
            "cnf" => {
                self.bound = true;
                map.next_value::<Anything>()?;
                Ok(Taken::Yes)
            }
            _ => Ok(Taken::No),
        }
    }
}

impl<'a> Claims<'a> {
    /// The text of a string claim.
    pub(super) fn text<'b>(claim: &'b Option<Text<'a>>) -> Option<&'b str> {
        claim.as_ref().map(|Text(text)| &**text)
    }

    /// The id in a claim: `Ok(None)` without the claim.
    pub(super) fn id(claim: &Option<Text<'a>>) -> Result<Option<Id>, crate::id::InvalidId> {
        Self::text(claim).map(str::parse).transpose()
    }
}
