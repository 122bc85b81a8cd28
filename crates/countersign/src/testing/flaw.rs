use serde_json::{Value, json};

use super::TestToken;
use super::token::sign;
use crate::jose::{Algorithm, KeyError, SigningKey, encode_into};
use crate::random::SystemRandom;
use crate::reason::Reason;

/// One table declares all flaws, so that no list of them can fall behind.
macro_rules! flaws {
    ($($(#[doc = $doc:literal])+ $name:ident => $reason:ident;)+) => {
        /// What is wrong with a token, and nothing else is. [`TestIssuer::flawed`](super::TestIssuer::flawed) makes
        /// them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Flaw {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Flaw {
            /// Every flaw.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Why a layer that trusts the issuer refuses it. All of them are 401.
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
    /// Longer than 8 KiB.
    TooLong => TokenTooLong;
    /// Two parts instead of three.
    TwoParts => TokenMalformed;
    /// The last character of the signature is not one of base64url.
    NotBase64 => TokenMalformed;
    /// The header is a JSON array.
    HeaderNotAnObject => HeaderMalformed;
    /// `alg` is `none`, and there is no signature.
    AlgorithmNone => AlgorithmRefused;
    /// There is no `alg`.
    AlgorithmMissing => AlgorithmRefused;
    /// `alg` is HS256, and the secret is the public key's JWK.
    AlgorithmConfused => KeyUnknown;
    /// The header brings a key (`jwk`).
    KeyInHeader => HeaderUnsupported;
    /// The header says where a key is (`jku`).
    KeyUrlInHeader => HeaderUnsupported;
    /// The header has an extension that must be understood (`crit`).
    CriticalExtension => HeaderUnsupported;
    /// `typ` is that of a proof of possession (RFC 9449).
    WrongType => TypeRefused;
    /// There is no `kid`, and the issuer has several keys.
    KeyIdMissing => KeyUnknown;
    /// Signed by a key that the issuer has not, under that key's own `kid`.
    KeyIdUnknown => KeyUnknown;
    /// Signed by a key that the issuer has not, under the `kid` of one that it has.
    SignedByStranger => SignatureInvalid;
    /// A claim was changed after it was signed.
    ClaimChanged => SignatureInvalid;
    /// A claim stands there twice.
    ClaimTwice => ClaimsMalformed;
    /// The claims are a JSON array.
    ClaimsNotAnObject => ClaimsMalformed;
    /// There is no `iss`.
    IssuerMissing => IssuerUntrusted;
    /// `iss` is the issuer's URL with a slash more.
    IssuerWrong => IssuerUntrusted;
    /// There is no `aud`.
    AudienceMissing => AudienceMismatch;
    /// `aud` is somebody else.
    AudienceWrong => AudienceMismatch;
    /// There is no `sub`.
    SubjectMissing => ClaimsMalformed;
    /// `exp` passed an hour ago.
    Expired => TokenExpired;
    /// There is no `exp`.
    ExpiryMissing => TokenExpired;
    /// `nbf` lies an hour ahead.
    NotYetValid => NotYetValid;
    /// `iat` lies an hour ahead.
    IssuedInFuture => NotYetValid;
    /// It lives for ten years.
    LifetimeTooLong => LifetimeTooLong;
    /// It is bound to a key (`cnf`, RFC 7800).
    Bound => TokenBound;
}

const HOUR: i64 = 3600;

impl Flaw {
    /// A token with this flaw, made from a good one.
    pub(super) fn make(self, good: &TestToken) -> Result<String, KeyError> {
        let now = good.now.unix_seconds();
        let stranger = || SigningKey::generate(good.key.algorithm(), &SystemRandom);
        let mut draft = good.clone();
        match self {
            Self::TooLong => draft = draft.claim("filler", "x".repeat(8 * 1024)),
            Self::AlgorithmMissing => drop(draft.header.remove("alg")),
            Self::KeyInHeader => {
                let jwk = good
                    .key
                    .public_jwk()
                    .and_then(|jwk| serde_json::from_str(&jwk).ok());
                draft = header(draft, "jwk", jwk.unwrap_or(Value::Null));
            }
            Self::KeyUrlInHeader => {
                draft = header(draft, "jku", json!("http://169.254.169.254/keys"));
            }
            Self::CriticalExtension => draft = header(draft, "crit", json!(["exp"])),
            Self::WrongType => draft = header(draft, "typ", json!("dpop+jwt")),
            Self::KeyIdMissing => drop(draft.header.remove("kid")),
            Self::KeyIdUnknown => {
                draft.key = stranger()?;
                let id = json!(draft.key.id());
                draft = header(draft, "kid", id);
            }
            Self::SignedByStranger => draft.key = stranger()?,
            Self::IssuerMissing => drop(draft.claims.remove("iss")),
            Self::IssuerWrong => {
                let issuer = draft
                    .claims
                    .get("iss")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                let wrong = format!("{issuer}/");
                draft = draft.claim("iss", wrong);
            }
            Self::AudienceMissing => drop(draft.claims.remove("aud")),
            Self::AudienceWrong => draft = draft.audience("https://somebody.else.test"),
            Self::SubjectMissing => drop(draft.claims.remove("sub")),
            Self::Expired => draft = draft.claim("iat", now - 2 * HOUR).claim("exp", now - HOUR),
            Self::ExpiryMissing => drop(draft.claims.remove("exp")),
            Self::NotYetValid => {
                draft = draft.claim("nbf", now + HOUR).claim("exp", now + 2 * HOUR)
            }
            Self::IssuedInFuture => {
                draft = draft.claim("iat", now + HOUR).claim("exp", now + 2 * HOUR);
            }
            Self::LifetimeTooLong => draft = draft.claim("exp", now + 10 * 366 * 24 * HOUR),
            Self::Bound => draft = draft.claim("cnf", json!({ "jkt": "0" })),
            // Those are made of the text.
            Self::TwoParts
            | Self::NotBase64
            | Self::HeaderNotAnObject
            | Self::AlgorithmNone
            | Self::AlgorithmConfused
            | Self::ClaimChanged
            | Self::ClaimTwice
            | Self::ClaimsNotAnObject => return self.rewrite(good),
        }
        draft.sign()
    }

    fn rewrite(self, good: &TestToken) -> Result<String, KeyError> {
        let claims = Value::Object(good.claims.clone()).to_string();
        let token = sign(&good.header, &claims, &good.key)?;
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
            Self::AlgorithmConfused => {
                let jwk = good.key.public_jwk().unwrap_or_default();
                let secret = SigningKey::from_secret_bytes(Algorithm::Hs256, jwk.as_bytes())?;
                let mut confused = good.header.clone();
                confused.insert("alg".to_owned(), json!("HS256"));
                sign(&confused, &claims, &secret)?
            }
            Self::ClaimChanged => {
                let changed = good.clone().subject("mallory").claims;
                let changed = Value::Object(changed).to_string();
                format!("{head}.{}.{signature}", encode(&changed))
            }
            Self::ClaimTwice => {
                let twice = claims.replacen('{', r#"{"sub":"mallory","#, 1);
                sign(&good.header, &twice, &good.key)?
            }
            Self::ClaimsNotAnObject => sign(&good.header, "[]", &good.key)?,
            _ => format!("{token}!"),
        })
    }
}

fn header(mut draft: TestToken, name: &str, value: Value) -> TestToken {
    draft.header.insert(name.to_owned(), value);
    draft
}

fn encode(text: &str) -> String {
    let mut encoded = String::new();
    encode_into(text.as_bytes(), &mut encoded);
    encoded
}
