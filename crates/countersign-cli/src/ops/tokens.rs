use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::BoxFuture;
use countersign::directory::CredentialKind;
use countersign::mechanism::Jwt;
use countersign::registry::{Change, DeniedToken, Registry as _};
use countersign::rejection::{Reason, RejectionKind};
use countersign::time::{Clock as _, SystemClock, Timestamp};
use countersign::token::TrustedIssuer;
use countersign::{Id, Secret};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Operations, OpsError};
use crate::schema::Rfc3339;

/// A token that is rejected from now on. The token itself is not part of the response.
#[derive(Debug, Serialize)]
pub struct RevokedTokenResponse {
    pub issuer: String,
    pub jti: Id,
    /// Until when the token would have been accepted.
    pub expires_at: Rfc3339,
}

/// Verifies tokens of this server's issuers.
pub struct TokenVerifier(Jwt);

/// The claims by which a token is revoked (RFC 9068 §2.2, and the account).
#[derive(Deserialize)]
struct RevocationClaims {
    iss: String,
    jti: String,
    exp: i64,
    account: String,
}

impl TokenVerifier {
    /// Creates a verifier that accepts tokens of these issuers.
    pub fn new(issuers: impl IntoIterator<Item = TrustedIssuer>) -> Self {
        Self(Jwt::new(issuers))
    }

    /// Verifies a token.
    pub fn verify(&self, token: &Secret) -> Result<(), OpsError> {
        let verified = self.0.introspect(token.expose(), SystemClock.now());
        verified.map(drop).map_err(rejected)
    }

    /// Verifies a token that is to be revoked, which can be done although the clock is wrong.
    fn verify_for_revocation(&self, token: &Secret) -> Result<(), OpsError> {
        let now = SystemClock.now();
        let verified = self.0.introspect_for_revocation(token.expose(), now);
        verified.map(drop).map_err(rejected)
    }
}

/// Returns the error of a token that is not valid.
fn rejected(reason: Reason) -> OpsError {
    match reason.kind() {
        RejectionKind::Unavailable => OpsError::TokenUndecided,
        _ => OpsError::InvalidToken(reason),
    }
}

/// Decodes a part of a token if it is a JSON object. Anything else may be a secret that was pasted by
/// mistake, and is not shown.
pub fn decode_part(token: &Secret, index: usize) -> Option<Value> {
    let part = token.expose().split('.').nth(index)?;
    let value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()?;
    matches!(value, Value::Object(_)).then_some(value)
}

impl From<DeniedToken> for RevokedTokenResponse {
    fn from(denied: DeniedToken) -> Self {
        Self {
            issuer: denied.issuer,
            jti: denied.token,
            expires_at: denied.expires_at.into(),
        }
    }
}

/// Returns whether the type of a token is that of managed tokens. Nothing of the token is verified by this.
fn is_managed(token: &Secret) -> bool {
    let header = decode_part(token, 0);
    let typ = header
        .as_ref()
        .and_then(|header| header.get("typ")?.as_str());
    typ.is_some_and(|typ| typ.eq_ignore_ascii_case("api-token+jwt"))
}

/// Reads a token's claims, which are not verified by this.
fn denied_token(token: &Secret) -> Option<DeniedToken> {
    let claims: RevocationClaims = serde_json::from_value(decode_part(token, 1)?).ok()?;
    Some(DeniedToken {
        issuer: claims.iss,
        token: claims.jti.parse().ok()?,
        account: claims.account.parse().ok()?,
        expires_at: Timestamp::from_unix_seconds(claims.exp),
    })
}

impl Operations {
    /// Revokes one token. The verifier must not consult the directory: a token that is already rejected
    /// for its credential's sake can be revoked too, and revoking a token twice succeeds.
    ///
    /// The token is verified, so that the store is not filled with denials of tokens that were never issued.
    pub fn revoke_token<'a>(
        &'a self,
        verifier: &'a TokenVerifier,
        token: &'a Secret,
    ) -> BoxFuture<'a, Result<RevokedTokenResponse, OpsError>> {
        Box::pin(async move {
            if is_managed(token) {
                return self.revoke_managed(token).await;
            }
            verifier.verify_for_revocation(token)?;
            let denied = denied_token(token).ok_or(OpsError::TokenNotIdentified)?;
            self.store.deny_token(&self.caller, denied.clone()).await?;
            Ok(denied.into())
        })
    }

    /// Revokes a managed token, which is its own credential. The token is not verified: the caller may revoke each that it
    /// can access by the id alone.
    async fn revoke_managed(&self, token: &Secret) -> Result<RevokedTokenResponse, OpsError> {
        let denied = denied_token(token).ok_or(OpsError::TokenNotIdentified)?;
        let revoke = Change::Revoke { reason: None };
        self.change_credential(CredentialKind::Token, denied.token, revoke)
            .await?;
        Ok(denied.into())
    }
}
