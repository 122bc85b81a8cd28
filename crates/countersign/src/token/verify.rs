//! One token, one decision: everything that can be known before the signature is checked before it.

use std::sync::Arc;

use super::claims::Claims;
use super::trusted::{Origin, TrustedIssuer};
use crate::directory::Directory;
use crate::id::Id;
use crate::jose::json::{self, OneOrMany};
use crate::jose::{Header, HeaderBuffer, Jws};
use crate::principal::{Identity, Scheme, Subject};
use crate::rejection::Reason;
use crate::scope::Scopes;
use crate::time::Timestamp;

/// The longest `sub`, in bytes (OpenID Connect Core §2).
const MAX_SUBJECT: usize = 255;

/// Judges a presented token.
pub(crate) fn verify(
    token: &[u8],
    issuers: &[TrustedIssuer],
    now: Timestamp,
) -> Result<Identity, Reason> {
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

    issuer.check_type(&header)?;
    issuer.check_audience(claims.aud.as_ref())?;
    let expires_at = issuer.check_times(&claims, now)?;
    if claims.bound {
        return Err(Reason::TokenBound);
    }
    let subject = subject(Claims::text(&claims.sub))?;
    let keys = issuer.keys.load();
    let key = keys.find(algorithm, key_id).ok_or(Reason::KeyUnknown)?;

    let identity = match &issuer.origin {
        Origin::Ours(directory) => {
            let ours = Ours::read(&claims, subject)?;
            jws.check(|message, signature| key.verify(message, signature))?;
            if let Some(directory) = directory {
                ours.check_denied(&**directory, &issuer.url)?;
            }
            ours.identity()
        }
        Origin::Foreign => {
            jws.check(|message, signature| key.verify(message, signature))?;
            let scopes = claims.scope.as_ref().or(claims.scp.as_ref());
            let subject = Subject::Text(subject.into());
            Identity::bare(Scheme::Bearer, subject, opaque(scopes))
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

impl TrustedIssuer {
    /// RFC 8725 §3.11, RFC 9068 §4: a token of one kind is never taken for another.
    fn check_type(&self, header: &Header<'_>) -> Result<(), Reason> {
        let is = |typ: &str, name: &str| typ.eq_ignore_ascii_case(name);
        let access = |typ| is(typ, "at+jwt") || is(typ, "application/at+jwt");
        let fits = match (&self.origin, header.typ()) {
            (_, Some(typ)) if access(typ) => true,
            (Origin::Foreign, Some(typ)) => is(typ, "JWT"),
            (Origin::Foreign, None) => true,
            (Origin::Ours(_), _) => false,
        };
        if fits {
            Ok(())
        } else {
            Err(Reason::TypeRefused)
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
    fn check_times(&self, claims: &Claims<'_>, now: Timestamp) -> Result<Timestamp, Reason> {
        let exp = claims.exp.ok_or(Reason::TokenExpired)?.0;
        let ours = matches!(self.origin, Origin::Ours(_));
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
        if from_now > self.max_lifetime.saturating_add(self.leeway) || from_iat > self.max_lifetime
        {
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
struct Ours {
    token: Id,
    credential: Id,
    generation: u32,
    account: Id,
    account_generation: u32,
    environment: Option<Id>,
    scopes: Scopes,
}

impl Ours {
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
        Ok(Self {
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

    /// Exact, and without clocks: what was revoked has a higher generation than its tokens.
    fn check_denied(&self, directory: &dyn Directory, issuer: &str) -> Result<(), Reason> {
        directory.vouch().map_err(|_| Reason::DirectoryStale)?;
        if directory.is_denied(issuer, &self.token) {
            return Err(Reason::TokenRevoked);
        }
        let origins = [
            (&self.credential, self.generation),
            (&self.account, self.account_generation),
        ];
        for (entity, generation) in origins {
            if directory
                .lowest_generation(entity)
                .is_some_and(|lowest| generation < lowest)
            {
                return Err(Reason::Superseded);
            }
        }
        Ok(())
    }

    fn identity(self) -> Identity {
        Identity {
            credential: Some(self.credential),
            generation: self.generation,
            account: Some(self.account),
            account_generation: self.account_generation,
            environment: self.environment,
            ..Identity::bare(
                Scheme::Bearer,
                Subject::Id(self.credential.text()),
                self.scopes,
            )
        }
    }
}
