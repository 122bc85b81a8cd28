use serde_json::{Map, Value, json};

use super::TestToken;
use crate::jose::{Algorithm, KeyError, SigningKey, encode_into};
use crate::random::SystemRandom;
use crate::reason::Reason;

/// Declares all flaws in one table, so that `Flaw::ALL` and `Flaw::reason` are complete.
macro_rules! flaws {
    ($($(#[doc = $doc:literal])+ $name:ident => $reason:ident;)+) => {
        /// The one flaw of an otherwise valid token. [`TestIssuer::flawed`](super::TestIssuer::flawed) creates such tokens.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Flaw {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Flaw {
            /// Every flaw.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Returns the reason for which a layer that trusts the issuer rejects the token. All are responses with 401.
            #[must_use]
            pub const fn reason(self) -> Reason {
                match self {
                    $(Self::$name => Reason::$reason,)+
                }
            }
        }
    };
}

flaws! {
    /// The token is longer than 8 KiB.
    TooLong => TokenTooLong;
    /// The token has two parts instead of three.
    TwoParts => TokenMalformed;
    /// The last character of the signature is not in the base64url alphabet.
    NotBase64 => TokenMalformed;
    /// The header is a JSON array.
    HeaderNotAnObject => HeaderMalformed;
    /// `alg` is `none`, and there is no signature.
    AlgorithmNone => AlgorithmRejected;
    /// There is no `alg`.
    AlgorithmMissing => AlgorithmRejected;
    /// `alg` is HS256, and the HMAC secret is the issuer's public key as a JWK.
    AlgorithmConfusion => KeyUnknown;
    /// The token is signed by a key that the issuer does not have, which the header contains (`jwk`). It has the `kid` of one
    /// that the issuer has.
    KeyInHeader => SignatureInvalid;
    /// The token is signed by a key that the issuer does not have, and the header contains the URL of a key set (`jku`). It
    /// has the `kid` of one that the issuer has.
    KeyUrlInHeader => SignatureInvalid;
    /// The header has a critical extension (`crit`).
    CriticalExtension => HeaderUnsupported;
    /// `typ` is that of a DPoP proof (RFC 9449).
    WrongType => TypeRejected;
    /// There is no `kid`, although the issuer has several keys.
    KeyIdMissing => KeyUnknown;
    /// The token is signed by a key that the issuer does not have, and has that key's `kid`.
    KeyIdUnknown => KeyUnknown;
    /// The token is signed by a key that the issuer does not have, and has the `kid` of one that it has.
    SignedByUnknownKey => SignatureInvalid;
    /// A claim was changed after the token was signed.
    ClaimChanged => SignatureInvalid;
    /// A claim occurs twice.
    DuplicateClaim => ClaimsMalformed;
    /// The claims are a JSON array.
    ClaimsNotAnObject => ClaimsMalformed;
    /// There is no `iss`.
    IssuerMissing => IssuerUntrusted;
    /// `iss` is the issuer's URL with an extra trailing slash.
    IssuerWrong => IssuerUntrusted;
    /// There is no `aud`.
    AudienceMissing => AudienceMismatch;
    /// `aud` is another service.
    AudienceWrong => AudienceMismatch;
    /// There is no `sub`.
    SubjectMissing => ClaimsMalformed;
    /// `exp` is an hour ago.
    Expired => TokenExpired;
    /// There is no `exp`.
    ExpiryMissing => TokenExpired;
    /// `nbf` is an hour ahead.
    NotYetValid => NotYetValid;
    /// `iat` is an hour ahead.
    IssuedInFuture => NotYetValid;
    /// The lifetime is ten years.
    LifetimeTooLong => LifetimeTooLong;
    /// The token is bound to a key (`cnf`, RFC 7800).
    Bound => TokenBound;
}

const HOUR: i64 = 3600;

impl Flaw {
    /// Creates a token with this flaw from a valid one.
    pub(super) fn apply(self, token: TestToken) -> Result<String, KeyError> {
        let now = token.now.unix_seconds();
        let unknown_key = || SigningKey::generate(Algorithm::EdDsa, &SystemRandom);
        let token = match self {
            Self::TooLong => token.claim("filler", "x".repeat(8 * 1024)),
            Self::AlgorithmMissing => without(token, |t| &mut t.header, "alg"),
            Self::KeyInHeader => {
                let token = token.key(unknown_key()?);
                let jwk: Value = serde_json::from_str(&jwk(&token)).unwrap_or_default();
                token.header("jwk", jwk)
            }
            Self::KeyUrlInHeader => {
                let token = token.key(unknown_key()?);
                token.header("jku", "http://169.254.169.254/keys")
            }
            Self::CriticalExtension => token.header("crit", ["exp"]),
            Self::WrongType => token.header("typ", "dpop+jwt"),
            Self::KeyIdMissing => without(token, |t| &mut t.header, "kid"),
            Self::KeyIdUnknown => {
                let key = unknown_key()?;
                let id = key.id().to_owned();
                token.key(key).key_id(&id)
            }
            Self::SignedByUnknownKey => token.key(unknown_key()?),
            Self::IssuerMissing => without(token, |t| &mut t.claims, "iss"),
            Self::IssuerWrong => {
                let issuer = token.claims.get("iss").and_then(Value::as_str);
                let wrong = format!("{}/", issuer.unwrap_or_default());
                token.claim("iss", wrong)
            }
            Self::AudienceMissing => without(token, |t| &mut t.claims, "aud"),
            Self::AudienceWrong => token.audience("https://other-service.test"),
            Self::SubjectMissing => without(token, |t| &mut t.claims, "sub"),
            Self::Expired => token.claim("iat", now - 2 * HOUR).claim("exp", now - HOUR),
            Self::ExpiryMissing => without(token, |t| &mut t.claims, "exp"),
            Self::NotYetValid => token.claim("nbf", now + HOUR).claim("exp", now + 2 * HOUR),
            Self::IssuedInFuture => token.claim("iat", now + HOUR).claim("exp", now + 2 * HOUR),
            Self::LifetimeTooLong => token.claim("exp", now + 10 * 366 * 24 * HOUR),
            Self::Bound => token.claim("cnf", json!({ "jkt": "0" })),
            // These change the text of the token.
            Self::TwoParts
            | Self::NotBase64
            | Self::HeaderNotAnObject
            | Self::AlgorithmNone
            | Self::AlgorithmConfusion
            | Self::ClaimChanged
            | Self::DuplicateClaim
            | Self::ClaimsNotAnObject => return self.rewrite(token),
        };
        token.sign()
    }

    fn rewrite(self, valid: TestToken) -> Result<String, KeyError> {
        let (header, claims) = (valid.header_json(), valid.claims_json());
        let token = valid.sign_text(&header, &claims)?;
        let mut parts = token.splitn(3, '.');
        let (Some(head), Some(payload), Some(signature)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(KeyError::Failed);
        };
        Ok(match self {
            Self::TwoParts => format!("{head}.{payload}"),
            Self::HeaderNotAnObject => format!("{}.{payload}.{signature}", encode(r#"["EdDSA"]"#)),
            Self::AlgorithmNone => {
                format!("{}.{payload}.", encode(r#"{"alg":"none","typ":"at+jwt"}"#))
            }
            Self::AlgorithmConfusion => {
                let secret = jwk(&valid);
                let secret = SigningKey::from_secret_bytes(Algorithm::Hs256, secret.as_bytes())?;
                valid.header("alg", "HS256").key(secret).sign()?
            }
            Self::ClaimChanged => {
                let changed = valid.subject("mallory").claims_json();
                format!("{head}.{}.{signature}", encode(&changed))
            }
            Self::DuplicateClaim => {
                let duplicate = claims.replacen('{', r#"{"sub":"mallory","#, 1);
                valid.sign_text(&header, &duplicate)?
            }
            Self::ClaimsNotAnObject => valid.sign_text(&header, "[]")?,
            _ => format!("{token}!"),
        })
    }
}

/// Removes a field of the header or of the claims.
fn without(
    mut token: TestToken,
    fields: fn(&mut TestToken) -> &mut Map<String, Value>,
    name: &str,
) -> TestToken {
    fields(&mut token).remove(name);
    token
}

/// Returns the issuer's public key as a JWK.
fn jwk(token: &TestToken) -> String {
    token.signing_key.public_jwk().unwrap_or_default()
}

fn encode(text: &str) -> String {
    let mut encoded = String::new();
    encode_into(text.as_bytes(), &mut encoded);
    encoded
}
