//! `countersign token inspect`.

use countersign::Secret;
use countersign::rejection::Reason;
use serde::Serialize;
use serde_json::Value;

use super::{explanation, issuer_of};
use crate::command::CommandResult;
use crate::command::report::Report;
use crate::ops::{Operations, OpsError, TokenVerifier, decode_part};

/// What a token contains, and whether the server accepts it. The token itself is not part of the response.
#[derive(Serialize)]
struct InspectResponse {
    accepted: bool,
    reason: Option<&'static str>,
    explanation: &'static str,
    /// Whether the token was verified, so that its header and claims are true.
    verified: bool,
    header: Option<Value>,
    claims: Option<Value>,
}

pub(super) async fn run(operations: &Operations, token: &Secret) -> CommandResult {
    let issuer = issuer_of(token, operations).await?;
    let verifier = TokenVerifier::new([issuer.trusted(operations.store())?]);
    let rejected = match verifier.verify(token) {
        Ok(()) => None,
        Err(OpsError::InvalidToken(reason)) => Some(reason),
        Err(error) => return Err(error.into()),
    };
    let response = InspectResponse::new(token, rejected);
    Ok(Report::new(&response, response.text())?.failed_if(rejected.is_some()))
}

impl InspectResponse {
    fn new(token: &Secret, rejected: Option<Reason>) -> Self {
        Self {
            accepted: rejected.is_none(),
            reason: rejected.map(Reason::label),
            explanation: rejected.map_or("the server would accept it", explanation),
            verified: rejected.is_none(),
            header: decode_part(token, 0),
            claims: decode_part(token, 1),
        }
    }

    fn text(&self) -> String {
        let (outcome, mark) = match self.reason {
            None => (format!("accepted: {}", self.explanation), ""),
            Some(reason) => (
                format!("rejected ({reason}): {}", self.explanation),
                " (unverified)",
            ),
        };
        let text = |part: &Option<Value>| match part {
            Some(part) => part.to_string(),
            None => "not readable".to_owned(),
        };
        let (header, claims) = (text(&self.header), text(&self.claims));
        format!("{outcome}\nheader{mark}: {header}\nclaims{mark}: {claims}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_of_a_rejected_token_are_marked_as_unverified_and_the_token_is_not_printed() {
        let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJcdTAwMWJbMkoifQ.c2lnbmF0dXJl";
        let token = Secret::from(token.to_owned());
        let text = InspectResponse::new(&token, Some(Reason::AlgorithmRejected)).text();
        assert!(
            text.starts_with("rejected (algorithm_rejected): "),
            "{text}"
        );
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
    fn text_that_is_not_a_token_is_not_repeated() {
        let pasted = Secret::from("cs_canary.ImNhbmFyeSI.canary".to_owned());
        let response = InspectResponse::new(&pasted, Some(Reason::TokenMalformed));
        let json = serde_json::to_string(&response).unwrap();
        assert!(!json.contains("canary") && !response.text().contains("canary"));
        // A token that looks right may be padded, or have bits left over.
        assert!(
            json.contains("three parts in canonical base64url"),
            "{json}"
        );
    }
}
