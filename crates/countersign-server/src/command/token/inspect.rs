//! `countersign token inspect`.

use std::process::ExitCode;

use countersign::Secret;
use countersign::rejection::Reason;
use serde::Serialize;
use serde_json::Value;

use super::{decoded, explanation};
use crate::command::open;
use crate::command::output::Output;
use crate::config::Config;
use crate::failure::Failure;

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
    token: &Secret,
    output: Output,
) -> Result<ExitCode, Failure> {
    let store = open(config).await?;
    let issuer = super::issuer(token, config, &store).await?;
    let judged = super::judge(token, issuer.trusted(&store)?)?;
    store.close().await?;

    let refused = judged.err();
    let inspected = Inspected::new(token, refused);
    output.print(&inspected, &inspected.text())?;
    Ok(match refused {
        None => ExitCode::SUCCESS,
        Some(_) => ExitCode::FAILURE,
    })
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
