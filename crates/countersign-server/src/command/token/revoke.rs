//! `countersign token revoke`.

use std::process::ExitCode;

use countersign::mint::IssuerError;
use countersign::registry::{DeniedToken, Registry as _};
use countersign::time::Timestamp;
use countersign::{Id, Secret};
use serde::{Deserialize, Serialize};

use super::{decoded, explanation};
use crate::command::output::{self, Output};
use crate::command::{caller, open};
use crate::config::Config;
use crate::failure::Failure;

/// What a token of ours says of itself (RFC 9068 §2.2, and the account).
#[derive(Deserialize)]
struct Claims {
    iss: String,
    jti: String,
    exp: i64,
    account: String,
}

/// What is refused from now on. The token itself is not in it.
#[derive(Serialize)]
struct Denied<'a> {
    issuer: &'a str,
    jti: Id,
    /// Until when it would have been accepted.
    #[serde(serialize_with = "output::moment")]
    expires_at: Timestamp,
}

pub(super) async fn run(
    config: &Config,
    token: &Secret,
    output: Output,
) -> Result<ExitCode, Failure> {
    let store = open(config).await?;
    let of = super::issuer(token, config, &store).await?;
    // Without the directory: one that is refused for its credential's sake alone can be revoked too, and
    // revoking it once more succeeds.
    let trusted = of.issuer.trusted().build().map_err(IssuerError::Trust)?;
    // Whoever could name any `iss` and `jti` could have them kept that nobody ever minted.
    super::judge(token, trusted)?.map_err(|reason| {
        Failure::new(format!(
            "the server refuses this token already, and there is nothing to revoke: {}",
            explanation(reason)
        ))
    })?;
    let denied = named(token).ok_or_else(|| {
        Failure::new("the token does not say which one it is: revoke its credential")
    })?;
    store.deny_token(&caller(), denied.clone()).await?;
    store.close().await?;

    let shown = Denied {
        issuer: &denied.issuer,
        jti: denied.token,
        expires_at: denied.expires_at,
    };
    let text = output::table(&[
        ("issuer", shown.issuer.to_owned()),
        ("jti", shown.jti.to_string()),
        ("expires", output::rfc3339(shown.expires_at)),
    ]);
    let text = format!("{text}\n\nThis token is refused from now on.");
    output.print(&shown, &text)?;
    Ok(ExitCode::SUCCESS)
}

/// What denies a token that was judged to be ours.
fn named(token: &Secret) -> Option<DeniedToken> {
    let claims = decoded(token.expose().split('.').nth(1)?)?;
    let claims: Claims = serde_json::from_value(claims).ok()?;
    Some(DeniedToken {
        issuer: claims.iss,
        token: claims.jti.parse().ok()?,
        account: claims.account.parse().ok()?,
        expires_at: Timestamp::from_unix_seconds(claims.exp),
    })
}
