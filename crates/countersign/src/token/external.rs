//! The rules of external issuers: what their tokens look like, and what is read from them.

use serde_json::{Map, Value as Json};

use super::claims::{Claims, text};
use super::trusted::MAX_TOKEN;
use super::verify::subject;
use crate::credentials::Scheme;
use crate::principal::{ClaimPath, Claims as Payload, IdentityFields, Subject};
use crate::reason::Reason;
use crate::scope::Scopes;

/// What stands for the tenant in the URL of an issuer of several tenants.
pub(super) const TENANT: &str = "{tenantid}";

/// Types (`typ`) of tokens for other purposes. They are never access tokens (RFC 8725 §3.11).
pub(super) const OTHER_TYPES: [&str; 12] = [
    "api-token+jwt",
    "client-authentication+jwt",
    "countersign-feed+jws",
    "dpop+jwt",
    "entity-statement+jwt",
    "kb+jwt",
    "logout+jwt",
    "oauth-authz-req+jwt",
    "secevent+jwt",
    "token-introspection+jwt",
    "trust-mark+jwt",
    "wit+jwt",
];

/// The rules of an external issuer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ExternalRules {
    /// The types that are accepted. Without a list, those that providers write, and no type.
    pub(super) types: Option<Vec<Box<str>>>,
    pub(super) max_token_len: usize,
    pub(super) audience_claim: Option<Box<str>>,
    pub(super) subject_claim: Option<Box<str>>,
    pub(super) scopes_from: Vec<ClaimPath>,
    pub(super) scope_patterns: bool,
    pub(super) tenants: Option<Tenants>,
    pub(super) is_trust_domain: bool,
}

/// The tenants of an issuer whose tokens are accepted.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tenants {
    These(Vec<Box<str>>),
    Any,
}

impl Default for ExternalRules {
    fn default() -> Self {
        Self {
            types: None,
            max_token_len: MAX_TOKEN,
            audience_claim: None,
            subject_claim: None,
            scopes_from: Vec::new(),
            scope_patterns: false,
            tenants: None,
            is_trust_domain: false,
        }
    }
}

impl ExternalRules {
    /// Returns the accepted tenant in the `iss` of a token, for the URL of an issuer of several tenants.
    pub(super) fn tenant<'i>(&self, url: &str, iss: &'i str) -> Option<&'i str> {
        let tenants = self.tenants.as_ref()?;
        let (before, after) = url.split_once(TENANT)?;
        let tenant = iss.strip_prefix(before)?.strip_suffix(after)?;
        let is_name = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        let accepted = match tenants {
            Tenants::These(these) => these.iter().any(|known| **known == *tenant),
            Tenants::Any => !tenant.is_empty() && tenant.bytes().all(is_name),
        };
        accepted.then_some(tenant)
    }

    /// Returns whether a type (`typ`) is that of an access token of this issuer.
    pub(super) fn accepts_type(&self, typ: Option<&str>) -> bool {
        match (&self.types, typ) {
            (None, None) => true,
            (None, Some(typ)) => ["at+jwt", "JWT", "JOSE"]
                .iter()
                .any(|known| typ.eq_ignore_ascii_case(known)),
            (Some(_), None) => false,
            (Some(types), Some(typ)) => types.iter().any(|known| typ.eq_ignore_ascii_case(known)),
        }
    }

    /// Reads the identity. Only the subject is required, and claims of any other name may have any type.
    ///
    /// The claims are parsed as a whole only where the configuration names other claims.
    pub(super) fn identity(
        &self,
        claims: &Claims<'_>,
        payload: &Payload,
    ) -> Result<IdentityFields, Reason> {
        let of_token = |claim| text(claim).ok().flatten();
        let subject = subject(match self.subject_claim.as_deref() {
            None => of_token(&claims.sub),
            Some(name) => named_subject(name, payload.object())?,
        })?;
        let scopes = match &*self.scopes_from {
            [] => {
                let scope = claims.scope.as_ref().filter(|scope| !scope.is_null());
                let value = scope.or(claims.scp.as_ref());
                let words = value.into_iter().flat_map(|value| value.words());
                Scopes::of_external(words, self.scope_patterns)
            }
            paths => {
                let words = paths.iter().flat_map(|path| path.words(payload.object()));
                Scopes::of_external(words, self.scope_patterns)
            }
        };
        Ok(IdentityFields {
            token_id: of_token(&claims.jti).map(|id| Subject::Text(id.into())),
            ..IdentityFields::bare(Scheme::Bearer, Subject::Text(subject.into()), scopes)
        })
    }
}

/// Reads the subject from the claim that the configuration names.
fn named_subject<'c>(name: &str, claims: &'c Map<String, Json>) -> Result<Option<&'c str>, Reason> {
    let text = |name: &str| claims.get(name).and_then(Json::as_str);
    // Others could choose an address that was not verified. Some issuers write the boolean as a string.
    if name == "email"
        && !matches!(claims.get("email_verified"), Some(Json::Bool(true)))
        && text("email_verified") != Some("true")
    {
        return Err(Reason::ClaimsMalformed);
    }
    Ok(text(name))
}
