use crate::id::Id;
use crate::json::ObjectWriter;

/// The length of the claims without the texts of the issuer and the principal, in bytes.
const FIXED_CLAIMS: usize = 384;

/// The claims of an access token (RFC 9068 §2.2, and our own) or of a managed token, in the order of the payload.
pub(super) struct Claims<'a> {
    pub(super) iss: &'a str,
    pub(super) sub: &'a str,
    pub(super) client_id: &'a str,
    pub(super) aud: &'a str,
    pub(super) iat: i64,
    pub(super) exp: i64,
    pub(super) jti: Id,
    pub(super) scope: &'a str,
    pub(super) account: &'a Id,
    pub(super) environment: Option<&'a Id>,
    pub(super) cgn: Option<u32>,
    pub(super) agn: u32,
    pub(super) sid: Option<&'a Id>,
    pub(super) sgn: Option<u32>,
}

impl Claims<'_> {
    /// Returns the payload of the token. A claim that is `None` is not in it.
    pub(super) fn to_json(&self) -> String {
        let texts = [self.iss, self.sub, self.client_id, self.aud, self.scope];
        let length = texts.iter().map(|text| text.len()).sum::<usize>();
        let mut object = ObjectWriter::with_capacity(FIXED_CLAIMS + length);
        object.text("iss", self.iss);
        object.text("sub", self.sub);
        object.text("client_id", self.client_id);
        object.text("aud", self.aud);
        object.number("iat", self.iat);
        object.number("exp", self.exp);
        object.id("jti", &self.jti);
        object.text("scope", self.scope);
        object.id("account", self.account);
        if let Some(environment) = self.environment {
            object.id("environment", environment);
        }
        if let Some(generation) = self.cgn {
            object.number("cgn", generation);
        }
        object.number("agn", self.agn);
        if let Some(session) = self.sid {
            object.id("sid", session);
        }
        if let Some(generation) = self.sgn {
            object.number("sgn", generation);
        }
        object.finish()
    }
}
