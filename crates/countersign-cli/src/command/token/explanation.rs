use countersign::rejection::Reason;

/// Explains why a token is rejected.
pub(in crate::command) fn explanation(reason: Reason) -> &'static str {
    match reason {
        Reason::TokenTooLong => "it is longer than the longest token that is read",
        Reason::TokenMalformed => {
            "it is not a signed token: three parts in canonical base64url, joined by dots"
        }
        Reason::HeaderMalformed => "its header is not a JSON object with the required members",
        Reason::HeaderUnsupported => "its header requires an extension that is not supported",
        Reason::TypeRejected => "its type is not that of an access token",
        Reason::AlgorithmRejected => "its algorithm is missing or not supported",
        Reason::ClaimsMalformed => "a claim is missing, or has the wrong type",
        Reason::IssuerUntrusted => "it is of another issuer",
        Reason::AudienceMismatch => "it is for another audience",
        Reason::TokenExpired => "it has expired",
        Reason::NotYetValid => "it is not valid yet: check whether the clocks agree",
        Reason::LifetimeTooLong => "its lifetime is longer than the issuer allows",
        Reason::TokenBound => "it is bound to a key, and bindings are not checked here",
        Reason::KeyUnknown => "no key of the issuer has its key id and algorithm",
        Reason::SignatureInvalid => "its signature is wrong",
        Reason::Superseded => {
            "the credential that it was minted from, or its account, was revoked, suspended or narrowed since"
        }
        Reason::TokenRevoked => "this token was revoked",
        _ => "the server would reject it",
    }
}
