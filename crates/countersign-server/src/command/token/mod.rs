//! `countersign token …`.

mod inspect;
mod revoke;

use std::io::{self, Read as _};
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::Secret;
use countersign::credentials::Credentials;
use countersign::mechanism::{Judged, Jwt, Mechanism as _, Outcome};
use countersign::principal::Identity;
use countersign::rejection::Reason;
use countersign::time::{Clock as _, SystemClock};
use countersign::token::TrustedIssuer;
use countersign_store::Store;
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::arguments::{SecretArgument, Token};
use super::output::Output;
use crate::config::{Config, DEFAULT_ISSUER, IssuerSettings};
use crate::failure::Failure;
use crate::issuer::{Configured, known_url};

/// More than any token that is looked at has.
const LONGEST: u64 = 64 * 1024;

pub(super) async fn run(
    config: &Config,
    command: Token,
    output: Output,
) -> Result<ExitCode, Failure> {
    match command {
        Token::Inspect { token } => inspect::run(config, &read(token)?, output).await,
        Token::Revoke { token } => revoke::run(config, &read(token)?, output).await,
    }
}

fn read(argument: Option<SecretArgument>) -> Result<Secret, Failure> {
    match argument {
        Some(SecretArgument(token)) => Ok(token),
        None => from_standard_input(),
    }
}

fn from_standard_input() -> Result<Secret, Failure> {
    // Room for all of it at once: growing would leave copies of the token behind.
    let mut text = Zeroizing::new(String::with_capacity(LONGEST as usize + 1));
    io::stdin()
        .take(LONGEST)
        .read_to_string(&mut text)
        .map_err(|error| Failure::new(format!("the token cannot be read: {error}")))?;
    Ok(Secret::from(text.trim().to_owned()))
}

/// What a token says that its issuer is.
#[derive(Deserialize)]
struct Issued {
    iss: String,
}

/// The issuer that a server of this configuration would ask about the token: the one that it names, else `default`,
/// whose it is not then.
async fn issuer(token: &Secret, config: &Config, store: &Store) -> Result<Configured, Failure> {
    let claims = token.expose().split('.').nth(1).and_then(decoded);
    let claims = claims.and_then(|claims| serde_json::from_value::<Issued>(claims).ok());
    let named = claims.and_then(|claims| {
        let named = |issuer: &&IssuerSettings| issuer.url.as_ref() == Some(&claims.iss);
        config.issuers.iter().find(named)
    });
    let settings = named.or_else(|| config.issuer(DEFAULT_ISSUER));
    let settings = settings.ok_or_else(|| Failure::new("no issuer is configured"))?;
    let url = known_url(settings, store).await?;
    Configured::build(settings, store, &url).await
}

/// What a verifier that trusts `issuer` says of the token.
fn judge(token: &Secret, issuer: TrustedIssuer) -> Result<Result<Identity, Reason>, Failure> {
    // A mechanism reads the bytes alone, wherever they were presented.
    let presented = Credentials::key(token.clone());
    match Jwt::new([issuer]).try_verify(&presented, SystemClock.now()) {
        Judged::Now(Outcome::Accepted(identity)) => Ok(Ok(identity)),
        Judged::Now(Outcome::Rejected(reason)) => Ok(Err(reason)),
        Judged::Now(Outcome::Unavailable(_) | Outcome::Throttled { .. }) | Judged::Later => {
            Err(Failure::new("the token could not be judged: try again"))
        }
    }
}

/// One part of a token, where it is a JSON object. What is not stays unseen: it may be a secret that was
/// pasted here by mistake.
fn decoded(part: &str) -> Option<Value> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    let value = serde_json::from_slice(&bytes).ok()?;
    matches!(value, Value::Object(_)).then_some(value)
}

fn explanation(reason: Reason) -> &'static str {
    match reason {
        Reason::TokenTooLong => "it is longer than any token that is looked at",
        Reason::TokenMalformed => {
            "it is not a signed token: three parts in canonical base64url, joined by dots"
        }
        Reason::HeaderMalformed => "its header is not a JSON object of the right members",
        Reason::HeaderUnsupported => "its header asks for something that is not supported",
        Reason::TypeRefused => "its type is not that of an access token",
        Reason::AlgorithmRefused => "its algorithm is missing or not supported",
        Reason::ClaimsMalformed => "a claim is missing, or not of the right type",
        Reason::IssuerUntrusted => "it is of another issuer",
        Reason::AudienceMismatch => "it is for another audience",
        Reason::TokenExpired => "it has expired",
        Reason::NotYetValid => "it is not valid yet: do the clocks agree?",
        Reason::LifetimeTooLong => "it lives longer than the issuer's tokens may",
        Reason::TokenBound => "it is bound to a key, and bindings are not checked here",
        Reason::KeyUnknown => "no key of the issuer has its key id and algorithm",
        Reason::SignatureInvalid => "its signature is wrong",
        Reason::Superseded => {
            "the credential that it was minted from, or its account, was revoked, suspended or narrowed since"
        }
        Reason::TokenRevoked => "this one token was revoked",
        _ => "the server would refuse it",
    }
}
