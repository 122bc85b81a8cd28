//! `countersign token inspect`.

use std::io::{self, Read as _};
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::Secret;
use countersign::credentials::Credentials;
use countersign::mechanism::{Judged, Jwt, Mechanism as _, Verdict};
use countersign::rejection::Reason;
use countersign::time::{Clock as _, SystemClock};
use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::arguments::{SecretArgument, Token};
use super::open;
use super::output::Output;
use crate::config::Config;
use crate::failure::Failure;
use crate::issuer;

/// More than any token that is looked at has.
const LONGEST: u64 = 64 * 1024;

/// What the token says, and whether that is to be believed. The token itself is not in it.
#[derive(Serialize)]
struct Inspected {
    accepted: bool,
    reason: Option<&'static str>,
    explanation: &'static str,
    /// Whether issuer, signature and all else were checked, so that header and claims are true.
    verified: bool,
    header: Option<Value>,
    claims: Option<Value>,
}

pub(super) async fn run(
    config: &Config,
    command: Token,
    output: Output,
) -> Result<ExitCode, Failure> {
    let Token::Inspect { token } = command;
    let token = match token {
        Some(SecretArgument(token)) => token,
        None => from_standard_input()?,
    };
    let store = open(config).await?;
    let url = issuer::known_url(config, &store).await?;
    let issuer = issuer::build(&config.issuer, &store, &url).await?;
    let jwt = Jwt::new([issuer::trusted(&issuer, &store)?]);
    // A mechanism reads the bytes alone, wherever they were presented.
    let presented = Credentials::key(token.clone());
    let judged = jwt.try_verify(&presented, SystemClock.now());
    store.close().await?;

    let refused = match judged {
        Judged::Now(Verdict::Accepted(_)) => None,
        Judged::Now(Verdict::Refused(reason)) => Some(reason),
        Judged::Now(Verdict::NeverJudged(_) | Verdict::Throttled { .. }) | Judged::Later => {
            return Err(Failure::new("the token could not be judged: try again"));
        }
    };
    let inspected = Inspected::new(&token, refused);
    output.print(&inspected, &inspected.text())?;
    Ok(match refused {
        None => ExitCode::SUCCESS,
        Some(_) => ExitCode::FAILURE,
    })
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

impl Inspected {
    fn new(token: &Secret, refused: Option<Reason>) -> Self {
        let mut parts = token.expose().split('.').map(decoded);
        Self {
            accepted: refused.is_none(),
            reason: refused.map(Reason::label),
            explanation: refused.map_or("the server would accept it", explanation),
            verified: refused.is_none(),
            header: parts.next().flatten(),
            claims: parts.next().flatten(),
        }
    }

    fn text(&self) -> String {
        let (verdict, mark) = match self.reason {
            None => (format!("accepted: {}", self.explanation), ""),
            Some(reason) => (
                format!("refused ({reason}): {}", self.explanation),
                " (unverified)",
            ),
        };
        let shown = |part: &Option<Value>| match part {
            Some(part) => part.to_string(),
            None => "not readable".to_owned(),
        };
        let (header, claims) = (shown(&self.header), shown(&self.claims));
        format!("{verdict}\nheader{mark}: {header}\nclaims{mark}: {claims}")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_of_a_refused_token_are_shown_as_unverified_and_the_token_is_not() {
        let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJcdTAwMWJbMkoifQ.c2lnbmF0dXJl";
        let token = Secret::from(token.to_owned());
        let text = Inspected::new(&token, Some(Reason::AlgorithmRefused)).text();
        assert!(text.starts_with("refused (algorithm_refused): "), "{text}");
        assert!(
            text.contains(r#"header (unverified): {"alg":"none"}"#),
            "{text}"
        );
        assert!(
            !text.contains("c2lnbmF0dXJl") && !text.contains('\u{1b}'),
            "{text}"
        );
    }

    #[test]
    fn what_is_no_token_is_not_repeated() {
        let pasted = Secret::from("cs_canary.ImNhbmFyeSI.canary".to_owned());
        let inspected = Inspected::new(&pasted, Some(Reason::TokenMalformed));
        let json = serde_json::to_string(&inspected).unwrap();
        assert!(!json.contains("canary") && !inspected.text().contains("canary"));
        // What looks right to the eye may be padded, or have bits left over.
        assert!(
            json.contains("three parts in canonical base64url"),
            "{json}"
        );
    }
}
