use http::StatusCode;

/// The kind of a rejection, which says who must act for the request to succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RejectionKind {
    /// There are no credentials: the client must authenticate.
    Missing,
    /// The credentials are repeated, joined or incomplete, or there are several: the client must send
    /// one.
    Malformed,
    /// The credentials are invalid: the client must get others.
    Invalid,
    /// The credentials are valid, but lack a scope or the value of a claim.
    InsufficientScope,
    /// The credentials are valid, but this kind of credentials is not permitted, or the service cannot use them.
    Forbidden,
    /// Too many attempts failed, and the credentials were not checked: the client must wait.
    TooManyRequests,
    /// The body of the request is larger than permitted: the client must send a smaller one.
    BodyTooLarge,
    /// The body of the request could not be read to its end: the client must send it again.
    BodyIncomplete,
    /// The credentials could not be checked: the client may try again, the operator must act.
    Unavailable,
    /// The service is misconfigured: its developer must act.
    Misconfigured,
}

impl RejectionKind {
    /// Returns the name in logs and metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::Invalid => "invalid",
            Self::InsufficientScope => "insufficient_scope",
            Self::Forbidden => "forbidden",
            Self::TooManyRequests => "too_many_requests",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyIncomplete => "body_incomplete",
            Self::Unavailable => "unavailable",
            Self::Misconfigured => "misconfigured",
        }
    }

    /// Returns the HTTP status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Missing | Self::Invalid => StatusCode::UNAUTHORIZED,
            Self::Malformed | Self::BodyIncomplete => StatusCode::BAD_REQUEST,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::InsufficientScope | Self::Forbidden => StatusCode::FORBIDDEN,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Misconfigured => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// Declares all reasons in one table, so that every list of them is complete.
macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident, $kind:ident, $label:literal;)+) => {
        /// The check that failed. Its label is stable, and meant for logs and metrics. The client never
        /// sees it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[doc = $doc])+ $name,)+
            /// A mechanism of the user's own rejected the credentials, with a label of its own.
            /// Always 401: for an outage, return `Outcome::Unavailable`.
            Custom(&'static str),
            /// A requirement of the user's own is not met, with a label of its own.
            Unmet(&'static str),
        }

        impl Reason {
            /// All reasons of this crate.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Returns the name in logs and metrics.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$name => $label,)+
                    Self::Custom(label) | Self::Unmet(label) => label,
                }
            }

            /// Returns the kind.
            #[must_use]
            pub const fn kind(self) -> RejectionKind {
                match self {
                    $(Self::$name => RejectionKind::$kind,)+
                    Self::Custom(_) => RejectionKind::Invalid,
                    Self::Unmet(_) => RejectionKind::Forbidden,
                }
            }
        }
    };
}

reasons! {
    /// The request has no credentials.
    NoCredentials, Missing, "no_credentials";
    /// The request has no credentials, and an `Authorization` header with a scheme that no mechanism reads.
    SchemeUnknown, Missing, "scheme_unknown";
    /// A header with credentials is repeated.
    RepeatedHeader, Malformed, "repeated_header";
    /// The cookie with credentials is repeated.
    RepeatedCookie, Malformed, "repeated_cookie";
    /// One header contains several credentials, joined by commas.
    JoinedCredentials, Malformed, "joined_credentials";
    /// The request has credentials in two places.
    SeveralCredentials, Malformed, "several_credentials";
    /// `Authorization` contains a scheme without credentials, or with more than one word.
    IncompleteCredentials, Malformed, "incomplete_credentials";
    /// No mechanism selects the credentials.
    Unselected, Invalid, "unselected";

    /// The token is longer than its issuer allows, by default 8 KiB.
    TokenTooLong, Invalid, "token_too_long";
    /// Not three base64url parts.
    TokenMalformed, Invalid, "token_malformed";
    /// The header of the token is not a JSON object, or a member is repeated or has a wrong type.
    HeaderMalformed, Invalid, "header_malformed";
    /// The header contains `crit`, `b64`, `zip` or `enc`, which are not supported, or that of an own token `cty` or a key.
    HeaderUnsupported, Invalid, "header_unsupported";
    /// The header parameter `typ` is not that of an access token.
    TypeRejected, Invalid, "type_rejected";
    /// `alg` is missing, or names an algorithm that is not supported.
    AlgorithmRejected, Invalid, "algorithm_rejected";
    /// The claims are not a JSON object, or a claim is repeated or has a wrong type.
    ClaimsMalformed, Invalid, "claims_malformed";
    /// `iss` is not a trusted issuer.
    IssuerUntrusted, Invalid, "issuer_untrusted";
    /// `aud` contains none of the configured audiences.
    AudienceMismatch, Invalid, "audience_mismatch";
    /// `exp` has passed.
    TokenExpired, Invalid, "token_expired";
    /// `nbf` or `iat` is in the future, or after `exp`.
    NotYetValid, Invalid, "not_yet_valid";
    /// The lifetime of the token is longer than the configured maximum.
    LifetimeTooLong, Invalid, "lifetime_too_long";
    /// The token is bound to a key (`cnf`), and the binding cannot be checked.
    TokenBound, Invalid, "token_bound";
    /// No key has the token's `kid` and `alg`, several could be meant, or the key is for tokens of another issuer.
    KeyUnknown, Invalid, "key_unknown";
    /// The signature is wrong.
    SignatureInvalid, Invalid, "signature_invalid";
    /// The credential, account or session of the token was revoked or changed after it was minted.
    Superseded, Invalid, "superseded";
    /// The token itself was revoked.
    TokenRevoked, Invalid, "token_revoked";
    /// The issuer of the opaque token does not know it, or it has expired or was revoked.
    TokenInactive, Invalid, "token_inactive";

    /// The API key has a wrong form or prefix.
    KeyMalformed, Invalid, "key_malformed";
    /// The checksum of the API key is wrong.
    KeyChecksum, Invalid, "key_checksum";
    /// The credentials are not base64 of `id:secret` in UTF-8 without control characters, or the id or
    /// secret has an impossible form.
    PairMalformed, Invalid, "pair_malformed";
    /// A token was presented as an API key, secret or password.
    TokenAsSecret, Invalid, "token_as_secret";
    /// The credential does not exist.
    CredentialUnknown, Invalid, "credential_unknown";
    /// The secret or password is wrong.
    SecretWrong, Invalid, "secret_wrong";
    /// The credential, or its account, is revoked.
    CredentialRevoked, Invalid, "credential_revoked";
    /// The credential is suspended.
    CredentialSuspended, Invalid, "credential_suspended";
    /// The credential may not be used from this address.
    AddressNotAllowed, Invalid, "address_not_allowed";
    /// The credential has expired.
    CredentialExpired, Invalid, "credential_expired";

    /// The client certificate belongs to no known client.
    CertificateUnknown, Invalid, "certificate_unknown";
    /// The client certificate has expired since the connection was made.
    CertificateExpired, Invalid, "certificate_expired";

    /// The signature, timestamp or id of a webhook has a wrong form, or the timestamp or id is missing.
    WebhookMalformed, Invalid, "webhook_malformed";
    /// The timestamp of a webhook differs from the time by more than the tolerance.
    WebhookTimestamp, Invalid, "webhook_timestamp";
    /// The signature of a webhook is wrong.
    WebhookSignature, Invalid, "webhook_signature";
    /// The body of a webhook is larger than the limit.
    BodyTooLarge, BodyTooLarge, "body_too_large";
    /// The body of a webhook could not be read to its end.
    BodyIncomplete, BodyIncomplete, "body_incomplete";

    /// The principal lacks a required scope.
    ScopeMissing, InsufficientScope, "scope_missing";
    /// A claim of the token lacks a required value.
    ClaimMissing, InsufficientScope, "claim_missing";
    /// There is no token, or its claims do not fit the type of `countersign::extract::Claims` that reads them.
    ClaimsUnfit, Forbidden, "claims_unfit";
    /// A token of another issuer is required.
    IssuerRequired, Forbidden, "issuer_required";
    /// A primary credential is required, and a bearer token was presented.
    PrimaryRequired, Forbidden, "primary_required";
    /// The credentials are in a cookie, and a page of another site may have caused the request.
    CrossSite, Forbidden, "cross_site";
    /// The route rejects every principal.
    Denied, Forbidden, "denied";

    /// Too many attempts from the same address have failed recently.
    TooManyFailures, TooManyRequests, "too_many_failures";

    /// The data of this node is older than permitted.
    DirectoryStale, Unavailable, "directory_stale";
    /// The keys of the issuer could not be loaded, or are too old.
    KeysUnavailable, Unavailable, "keys_unavailable";
    /// The issuer of the opaque token could not be asked, or its answer is malformed.
    IntrospectionFailed, Unavailable, "introspection_failed";
    /// More opaque tokens than the budget permits would have to be introspected.
    IntrospectionBusy, Unavailable, "introspection_busy";
    /// The pepper of the API key's digest is missing.
    PepperMissing, Unavailable, "pepper_missing";
    /// The users are not in the directory of this process, so that a password cannot be verified.
    UsersUnavailable, Unavailable, "users_unavailable";
    /// Too many passwords are waiting to be hashed.
    HasherBusy, Unavailable, "hasher_busy";
    /// The stored password hash cannot be read, or hashing failed.
    HasherFailed, Unavailable, "hasher_failed";
    /// A mechanism could not check the credentials.
    MechanismUnavailable, Unavailable, "mechanism_unavailable";

    /// A requirement or extractor received a request that no `AuthLayer` has authenticated.
    LayerMissing, Misconfigured, "layer_missing";
}
