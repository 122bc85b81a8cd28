//! One token, one decision: everything that can be known before the signature is checked before it.

use std::sync::Arc;

use super::claims::Claims;
use super::key_source::KeyFetch;
use super::revalidate::check_denials;
use super::trusted::{Origin, TrustedIssuer};
use crate::credentials::Scheme;
use crate::directory::{Directory, StoredSecret, Usage};
use crate::id::Id;
use crate::jose::json::{self, OneOrMany};
use crate::jose::{Header, HeaderBuffer, Jws};
use crate::principal::{Identity, Subject};
use crate::reason::Reason;
use crate::scope::Scopes;
use crate::time::Timestamp;

/// The longest `sub`, in bytes (OpenID Connect Core §2).
const MAX_SUBJECT: usize = 255;

/// Judges a presented token.
pub(crate) fn verify(
    token: &[u8],
    issuers: &[TrustedIssuer],
    now: Timestamp,
) -> Result<Identity, NotAccepted> {
    let jws = Jws::parse(token)?;
    let mut buffer = HeaderBuffer::new();
    let header = jws.header(&mut buffer)?;
    let (algorithm, key_id) = header.supported()?;

    let payload = jws.payload()?;
    let claims: Claims<'_> = json::object(&payload).ok_or(Reason::ClaimsMalformed)?;
    let iss = Claims::text(&claims.iss).ok_or(Reason::IssuerUntrusted)?;
    let issuer = issuers
        .iter()
        .find(|issuer| *issuer.url == *iss)
        .ok_or(Reason::IssuerUntrusted)?;

    let class = issuer.class(&header)?;
    issuer.check_audience(claims.aud.as_ref())?;
    let expires_at = issuer.check_times(&claims, class, now)?;
    if claims.bound {
        return Err(Reason::TokenBound.into());
    }
    let subject = subject(Claims::text(&claims.sub))?;
    let keys = issuer.keys.load(key_id)?;
    let key = keys
        .find(algorithm, key_id)
        .ok_or_else(|| issuer.keys.missing(&keys, key_id))?;

    let identity = match &issuer.origin {
        Origin::Own(Some(directory)) if class == Class::Managed => {
            let managed = Managed::read(&claims, subject)?;
            jws.check(|message, signature| key.verify(message, signature))?;
            managed.identity(&**directory, now)?
        }
        Origin::Own(directory) => {
            let ours = OwnToken::read(&claims, subject)?;
            jws.check(|message, signature| key.verify(message, signature))?;
            if let Some(directory) = directory {
                ours.check_denied(&**directory, &issuer.url)?;
            }
            ours.identity()
        }
        Origin::External => {
            jws.check(|message, signature| key.verify(message, signature))?;
            let scopes = claims.scope.as_ref().or(claims.scp.as_ref());
            let subject = Subject::Text(subject.into());
            Identity {
                token_id: Claims::text(&claims.jti).map(|id| Subject::Text(id.into())),
                ..Identity::bare(Scheme::Bearer, subject, opaque(scopes))
            }
        }
    };
    drop(claims);
    Ok(Identity {
        issuer: Some(Arc::clone(&issuer.url)),
        expires_at: Some(expires_at),
        payload: Some(payload.into()),
        ..identity
    })
}

/// Why a token is not accepted.
#[derive(Debug)]
pub(crate) enum NotAccepted {
    Refused(Reason),
    /// Its key may be on the way.
    Awaits(KeyFetch),
}

impl NotAccepted {
    /// Why, where nobody waits.
    pub(crate) fn reason(self) -> Reason {
        match self {
            Self::Refused(reason) => reason,
            Self::Awaits(fetch) => fetch.reason,
        }
    }
}

impl From<Reason> for NotAccepted {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason)
    }
}

/// What kind of token it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Access,
    Managed,
}

impl TrustedIssuer {
    /// RFC 8725 §3.11, RFC 9068 §4: a token of one kind is never taken for another.
    fn class(&self, header: &Header<'_>) -> Result<Class, Reason> {
        let is = |typ: &str, name: &str| typ.eq_ignore_ascii_case(name);
        let access = |typ| is(typ, "at+jwt") || is(typ, "application/at+jwt");
        let managed = |typ| is(typ, "api-token+jwt") || is(typ, "application/api-token+jwt");
        match (&self.origin, header.typ()) {
            (_, Some(typ)) if access(typ) => Ok(Class::Access),
            (Origin::External, Some(typ)) if is(typ, "JWT") => Ok(Class::Access),
            (Origin::External, None) => Ok(Class::Access),
            // They are judged by their records: without these there is nothing to go by.
            (Origin::Own(Some(_)), Some(typ)) if managed(typ) && self.managed.is_some() => {
                Ok(Class::Managed)
            }
            _ => Err(Reason::TypeRefused),
        }
    }

    fn check_audience(&self, aud: Option<&OneOrMany<'_>>) -> Result<(), Reason> {
        let named = aud.is_some_and(|aud| {
            aud.iter()
                .any(|name| self.audiences.iter().any(|known| **known == *name))
        });
        if named {
            Ok(())
        } else {
            Err(Reason::AudienceMismatch)
        }
    }

    /// RFC 7519 §4.1.4 to §4.1.6. All in whole seconds, so that no sum can overflow what claims hold.
    fn check_times(
        &self,
        claims: &Claims<'_>,
        class: Class,
        now: Timestamp,
    ) -> Result<Timestamp, Reason> {
        let max_lifetime = match (class, self.managed) {
            (Class::Managed, Some(longest)) => longest,
            _ => self.max_lifetime,
        };
        let exp = claims.exp.ok_or(Reason::TokenExpired)?.0;
        let ours = matches!(self.origin, Origin::Own(_));
        let iat = claims.iat.map(|date| date.0);
        let nbf = claims.nbf.map(|date| date.0);
        if exp <= 0 || now >= seconds(exp.saturating_add(self.leeway)) {
            return Err(Reason::TokenExpired);
        }
        for start in [iat, nbf].into_iter().flatten() {
            if now < seconds(start.saturating_sub(self.leeway)) || start > exp {
                return Err(Reason::NotYetValid);
            }
        }
        if ours && iat.is_none() {
            return Err(Reason::ClaimsMalformed);
        }
        let from_now = exp.saturating_sub(now.unix_seconds());
        let from_iat = iat.map_or(0, |iat| exp.saturating_sub(iat));
        if from_now > max_lifetime.saturating_add(self.leeway) || from_iat > max_lifetime {
            return Err(Reason::LifetimeTooLong);
        }
        Ok(seconds(exp))
    }
}

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

/// A subject goes into logs and, in gateways, into headers: no control characters (row 41).
fn subject(sub: Option<&str>) -> Result<&str, Reason> {
    sub.filter(|sub| (1..=MAX_SUBJECT).contains(&sub.len()))
        .filter(|sub| !sub.chars().any(char::is_control))
        .ok_or(Reason::ClaimsMalformed)
}

fn opaque(claim: Option<&OneOrMany<'_>>) -> Scopes {
    match claim {
        None => Scopes::none(),
        Some(OneOrMany::One(text)) => Scopes::opaque(text),
        Some(list) => Scopes::opaque(&list.iter().collect::<Vec<_>>().join(" ")),
    }
}

/// What a token of ours says of its origin.
struct OwnToken {
    token: Id,
    credential: Id,
    generation: u32,
    account: Id,
    account_generation: u32,
    environment: Option<Id>,
    session: Option<(Id, u32)>,
    scopes: Scopes,
}

impl OwnToken {
    fn read(claims: &Claims<'_>, subject: &str) -> Result<Self, Reason> {
        let malformed = Reason::ClaimsMalformed;
        if Claims::text(&claims.client_id) != Some(subject) {
            return Err(malformed);
        }
        let scope = match &claims.scope {
            None => "",
            Some(OneOrMany::One(text)) => text,
            Some(OneOrMany::Many(_)) => return Err(malformed),
        };
        let session = Claims::id(&claims.session).map_err(|_| malformed)?;
        let session = match (session, claims.session_generation) {
            (Some(session), Some(generation)) => Some((session, generation)),
            (None, None) => None,
            _ => return Err(malformed),
        };
        Ok(Self {
            session,
            token: Claims::id(&claims.jti)
                .map_err(|_| malformed)?
                .ok_or(malformed)?,
            credential: subject.parse().map_err(|_| malformed)?,
            generation: claims.credential_generation.ok_or(malformed)?,
            account: Claims::id(&claims.account)
                .map_err(|_| malformed)?
                .ok_or(malformed)?,
            account_generation: claims.account_generation.ok_or(malformed)?,
            environment: Claims::id(&claims.environment).map_err(|_| malformed)?,
            scopes: Scopes::from_token(scope).map_err(|_| malformed)?,
        })
    }

    fn check_denied(&self, directory: &dyn Directory, issuer: &str) -> Result<(), Reason> {
        let origins = [
            Some((self.credential, self.generation)),
            Some((self.account, self.account_generation)),
            self.session,
        ];
        check_denials(directory, issuer, &self.token, origins)
    }

    fn identity(self) -> Identity {
        Identity {
            credential: Some(self.credential),
            generation: self.generation,
            account: Some(self.account),
            account_generation: self.account_generation,
            environment: self.environment,
            session: self.session,
            token_id: Some(Subject::Id(self.token.text())),
            ..Identity::bare(
                Scheme::Bearer,
                Subject::Id(self.credential.text()),
                self.scopes,
            )
        }
    }
}

/// What a managed token says of itself. All else is its record's to say.
struct Managed {
    id: Id,
    account_generation: u32,
}

impl Managed {
    /// It is its own subject, client and token.
    fn read(claims: &Claims<'_>, subject: &str) -> Result<Self, Reason> {
        let malformed = Reason::ClaimsMalformed;
        let names = [&claims.client_id, &claims.jti];
        if names
            .into_iter()
            .any(|claim| Claims::text(claim) != Some(subject))
        {
            return Err(malformed);
        }
        Ok(Self {
            id: subject.parse().map_err(|_| malformed)?,
            account_generation: claims.account_generation.ok_or(malformed)?,
        })
    }

    fn identity(self, directory: &dyn Directory, now: Timestamp) -> Result<Identity, Reason> {
        directory
            .check_freshness()
            .map_err(|_| Reason::DirectoryStale)?;
        let record = directory
            .credential(&self.id)
            .filter(|record| matches!(record.secret, StoredSecret::Signature))
            .ok_or(Reason::CredentialUnknown)?;
        if self.account_generation < record.account_generation {
            return Err(Reason::Superseded);
        }
        let identity = Identity {
            token_id: Some(Subject::Id(self.id.text())),
            ..Identity::proven(record, Scheme::Bearer, None, now)?
        };
        directory.used(Usage {
            credential: self.id,
            at: now,
            digest: None,
        });
        Ok(identity)
    }
}
