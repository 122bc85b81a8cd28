use http::StatusCode;

/// Who must act for the request to succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RejectionKind {
    /// Nothing was presented: the client must authenticate.
    Missing,
    /// Credentials were repeated, joined, incomplete, or of several kinds: the client must send one.
    Malformed,
    /// The credentials were judged and are bad: the client must get others.
    Invalid,
    /// They are good, and lack a scope.
    InsufficientScope,
    /// They are good, and of a kind that may not do this.
    Forbidden,
    /// Nothing was judged, since too much was tried: the client must wait.
    TooManyRequests,
    /// Nothing was judged: the client may try again, the operator must look.
    Unavailable,
    /// The service is wired wrongly: its developer must act.
    Misconfigured,
}

impl RejectionKind {
    /// The kind's name in logs and metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::Invalid => "invalid",
            Self::InsufficientScope => "insufficient_scope",
            Self::Forbidden => "forbidden",
            Self::TooManyRequests => "too_many_requests",
            Self::Unavailable => "unavailable",
            Self::Misconfigured => "misconfigured",
        }
    }

    /// The HTTP status of this kind.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Missing | Self::Invalid => StatusCode::UNAUTHORIZED,
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::InsufficientScope | Self::Forbidden => StatusCode::FORBIDDEN,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Misconfigured => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// One table declares all reasons, so that no list of them can fall behind.
macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident, $kind:ident, $label:literal;)+) => {
        /// Which check failed. Stable labels for logs and metrics; never shown to the client.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[doc = $doc])+ $name,)+
            /// A mechanism of the user's own refused; the label is its own.
            Custom(&'static str),
        }

        impl Reason {
            /// Every reason of this crate.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The reason's name in logs and metrics.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$name => $label,)+
                    Self::Custom(label) => label,
                }
            }

            /// Who must act.
            #[must_use]
            pub const fn kind(self) -> RejectionKind {
                match self {
                    $(Self::$name => RejectionKind::$kind,)+
                    Self::Custom(_) => RejectionKind::Invalid,
                }
            }
        }
    };
}

reasons! {
    /// No declared carrier holds anything.
    NoCredentials, Missing, "no_credentials";
    /// A header that carries credentials came twice.
    RepeatedHeader, Malformed, "repeated_header";
    /// One header holds several credentials, joined by commas.
    JoinedCredentials, Malformed, "joined_credentials";
    /// Two carriers hold credentials.
    SeveralCredentials, Malformed, "several_credentials";
    /// `Authorization` names a scheme and is not followed by one token.
    IncompleteCredentials, Malformed, "incomplete_credentials";
    /// No mechanism judges what came by this carrier.
    Unclaimed, Invalid, "unclaimed";

    /// The token is longer than 8 KiB.
    TokenTooLong, Invalid, "token_too_long";
    /// Not three base64url parts.
    TokenMalformed, Invalid, "token_malformed";
    /// The token's header is not a JSON object of unique members of the right types.
    HeaderMalformed, Invalid, "header_malformed";
    /// The header asks for something that we do not do: `crit`, `b64`, `zip`, `enc`, `cty`, or brings a key.
    HeaderUnsupported, Invalid, "header_unsupported";
    /// `typ` is not that of an access token.
    TypeRefused, Invalid, "type_refused";
    /// `alg` is missing or is no algorithm that we verify.
    AlgorithmRefused, Invalid, "algorithm_refused";
    /// The claims are not a JSON object of unique members of the right types.
    ClaimsMalformed, Invalid, "claims_malformed";
    /// `iss` is not the issuer of any key here.
    IssuerUntrusted, Invalid, "issuer_untrusted";
    /// `aud` names none of our audiences.
    AudienceMismatch, Invalid, "audience_mismatch";
    /// `exp` has passed.
    TokenExpired, Invalid, "token_expired";
    /// `nbf` or `iat` lies ahead, or after `exp`.
    NotYetValid, Invalid, "not_yet_valid";
    /// The token would live longer than this issuer's tokens may.
    LifetimeTooLong, Invalid, "lifetime_too_long";
    /// The token is bound to a key (`cnf`), and no binding is checked.
    TokenBound, Invalid, "token_bound";
    /// No key here has the token's `kid` and `alg`, or more than one could.
    KeyUnknown, Invalid, "key_unknown";
    /// The signature is wrong.
    SignatureInvalid, Invalid, "signature_invalid";
    /// The token's origin was revoked after it was minted.
    Superseded, Invalid, "superseded";
    /// This one token was revoked.
    TokenRevoked, Invalid, "token_revoked";

    /// The key has not the form of one, or the prefix of another.
    KeyMalformed, Invalid, "key_malformed";
    /// The key's checksum is wrong.
    KeyChecksum, Invalid, "key_checksum";
    /// Not base64 of `id:secret` in UTF-8 without control characters, or one half has no possible form.
    PairMalformed, Invalid, "pair_malformed";
    /// A token was given in the place of a key, secret or password.
    TokenAsSecret, Invalid, "token_as_secret";
    /// No such credential.
    CredentialUnknown, Invalid, "credential_unknown";
    /// The secret or password is wrong.
    SecretWrong, Invalid, "secret_wrong";
    /// The credential, or its account, is revoked.
    CredentialRevoked, Invalid, "credential_revoked";
    /// The credential is suspended.
    CredentialSuspended, Invalid, "credential_suspended";
    /// The credential may not be presented from this address.
    AddressNotAllowed, Invalid, "address_not_allowed";
    /// The credential has expired.
    CredentialExpired, Invalid, "credential_expired";

    /// The principal lacks a scope that the route requires.
    ScopeMissing, InsufficientScope, "scope_missing";
    /// The route requires a primary credential, and a bearer came.
    PrimaryRequired, Forbidden, "primary_required";
    /// The route is closed to everybody.
    Denied, Forbidden, "denied";

    /// Too many passwords or keys from the same address were wrong lately.
    TooManyFailures, TooManyRequests, "too_many_failures";

    /// The view of the store is too old to check_freshness for anything.
    DirectoryStale, Unavailable, "directory_stale";
    /// The issuer's keys were never loaded, or too long ago.
    KeysUnavailable, Unavailable, "keys_unavailable";
    /// The pepper that a key's digest was made with is not here.
    PepperMissing, Unavailable, "pepper_missing";
    /// Too many passwords are being hashed already.
    HasherBusy, Unavailable, "hasher_busy";
    /// A kept hash cannot be read, or the hashing failed.
    HasherFailed, Unavailable, "hasher_failed";
    /// A mechanism could not judge.
    MechanismUnavailable, Unavailable, "mechanism_unavailable";

    /// A requirement or extractor met a request that no `AuthLayer` has judged.
    LayerMissing, Misconfigured, "layer_missing";
}
