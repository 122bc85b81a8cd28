use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::credentials::Scheme;
use crate::credentials::{Carrier, Credentials};
use crate::directory::Directory;
#[cfg(feature = "passwords")]
use crate::directory::UserName;
use crate::id::Id;
use crate::key::{self, Peppers};
#[cfg(feature = "passwords")]
use crate::mechanism::failures::Who;
#[cfg(feature = "passwords")]
use crate::mechanism::password::{Attempt, PasswordHasher};
use crate::mechanism::{CredentialSelector, Judged, MAX_PASSWORD, Mechanism, Outcome, api_keys};
use crate::principal::Identity;
use crate::reason::Reason;
use crate::rejection::Challenge;
#[cfg(feature = "passwords")]
use crate::secret::Secret;
use crate::time::Timestamp;

/// The longest `id:secret` that is decoded, in bytes.
const MAX_PAIR: usize = MAX_PASSWORD + 128;

/// Judges Basic (RFC 7617), and the same pairs from a body: a key's id and secret, and, with
/// [`passwords`](Self::passwords), a user's name and password.
///
/// What has the form of an id is a key's; no user's name has that form.
#[derive(Clone)]
pub struct Basic {
    directory: Arc<dyn Directory>,
    peppers: Peppers,
    #[cfg(feature = "passwords")]
    hasher: Option<PasswordHasher>,
    #[cfg(feature = "passwords")]
    failures: Option<super::FailureLimit>,
}

impl Basic {
    /// Takes keys' ids and secrets, and no passwords.
    #[must_use]
    pub fn new(directory: Arc<dyn Directory>, peppers: Peppers) -> Self {
        Self {
            directory,
            peppers,
            #[cfg(feature = "passwords")]
            hasher: None,
            #[cfg(feature = "passwords")]
            failures: None,
        }
    }

    /// Takes users' names and passwords too.
    #[cfg(feature = "passwords")]
    #[must_use]
    pub fn passwords(mut self, hasher: PasswordHasher) -> Self {
        self.hasher = Some(hasher);
        self
    }

    /// Limits how many passwords may be guessed. Without it, or where no
    /// [`ClientAddress`](crate::credentials::ClientAddress) is known, none are refused unjudged.
    #[cfg(feature = "passwords")]
    #[must_use]
    pub fn failure_limit(mut self, limit: super::FailureLimit) -> Self {
        self.failures = Some(limit);
        self
    }

    fn judge(&self, pair: &Halves<'_>, now: Timestamp) -> Judged {
        if super::looks_like_token(pair.secret.as_bytes()) {
            return refused(Reason::TokenAsSecret);
        }
        // A client is a key, a user is none, and in Basic the id says which.
        match (pair.id.parse::<Id>(), pair.carrier) {
            (Ok(_), Carrier::BodyUser) | (Err(_), Carrier::BodyClient) => {
                refused(Reason::PairMalformed)
            }
            (Ok(id), _) => Judged::Now(self.judge_key(id, pair, now).into()),
            (Err(_), _) => self.judge_user(pair, now),
        }
    }

    fn judge_key(&self, id: Id, pair: &Halves<'_>, now: Timestamp) -> Result<Identity, Reason> {
        if !key::is_secret(pair.secret) {
            return Err(Reason::PairMalformed);
        }
        let key = api_keys::Pair {
            id,
            secret: pair.secret,
            scheme: Scheme::Basic,
            from: pair.from,
        };
        let judged = api_keys::judge_key(&*self.directory, &self.peppers, &key, now);
        #[cfg(feature = "passwords")]
        if let Some(limit) = &self.failures {
            limit.count_key(&id, pair.from, &judged, now);
        }
        judged
    }

    #[cfg(not(feature = "passwords"))]
    #[expect(clippy::unused_self, reason = "with the feature `passwords` it judges")]
    fn judge_user(&self, _: &Halves<'_>, _: Timestamp) -> Judged {
        refused(Reason::PairMalformed)
    }

    /// Before anything is looked up: what finds no room is refused, right or wrong. All the rest waits,
    /// what was right lately too: whether there is room and whether it is remembered must be asked together.
    #[cfg(feature = "passwords")]
    fn judge_user(&self, pair: &Halves<'_>, now: Timestamp) -> Judged {
        let Some(name) = self.reads(pair) else {
            return refused(Reason::PairMalformed);
        };
        if self.directory.check_freshness().is_err() {
            return Judged::Now(Outcome::Unavailable(Reason::DirectoryStale));
        }
        let who = Who {
            from: pair.from,
            id: name.as_str(),
        };
        let limit = self.failures.as_ref();
        match limit.map(|limit| limit.check(&who, now)) {
            Some(Err(throttled)) => Judged::Now(throttled.into()),
            Some(Ok(())) | None => Judged::Later,
        }
    }

    /// Whether this can be a user's name and password at all.
    #[cfg(feature = "passwords")]
    fn reads(&self, pair: &Halves<'_>) -> Option<UserName> {
        let fits = (1..=MAX_PASSWORD).contains(&pair.secret.len());
        (fits && self.hasher.is_some())
            .then(|| pair.id.parse().ok())
            .flatten()
    }
}

fn refused(reason: Reason) -> Judged {
    Judged::Now(Outcome::Rejected(reason))
}

/// The two halves of what was presented, how, and from where.
struct Halves<'a> {
    id: &'a str,
    secret: &'a str,
    carrier: &'a Carrier,
    from: Option<IpAddr>,
}

impl Mechanism for Basic {
    fn selectors(&self) -> Vec<CredentialSelector> {
        let carriers = [Carrier::BASIC, Carrier::BodyClient, Carrier::BodyUser];
        carriers.map(CredentialSelector::all).into()
    }

    fn challenge(&self) -> Challenge {
        Challenge::BASIC
    }

    fn try_verify(&self, credentials: &Credentials, now: Timestamp) -> Judged {
        with_pair(credentials, |pair| self.judge(pair, now)).unwrap_or_else(refused)
    }

    #[cfg(feature = "passwords")]
    fn verify(
        self: Arc<Self>,
        credentials: Credentials,
        now: Timestamp,
    ) -> crate::BoxFuture<'static, Outcome> {
        Box::pin(async move {
            let owned = with_pair(&credentials, |pair| {
                let name = self.reads(pair)?;
                Some((name, Secret::from(pair.secret.to_owned())))
            });
            let (Some(hasher), Ok(Some((name, password)))) = (&self.hasher, owned) else {
                return Outcome::Rejected(Reason::PairMalformed);
            };
            let attempt = Attempt {
                directory: &*self.directory,
                name: &name,
                password: password.expose(),
                from: credentials.from(),
                now,
            };
            let judged = hasher.judge(&attempt, self.failures.as_ref()).await;
            judged.map_or_else(Outcome::from, Outcome::Accepted)
        })
    }
}

impl fmt::Debug for Basic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Basic").finish_non_exhaustive()
    }
}

/// Calls `f` with the two halves: of a pair as they are, of Basic decoded (RFC 7617 §2).
fn with_pair<T>(credentials: &Credentials, f: impl FnOnce(&Halves<'_>) -> T) -> Result<T, Reason> {
    let halves = |id, secret| Halves {
        id,
        secret,
        carrier: credentials.carrier(),
        from: credentials.from(),
    };
    if let Some((id, secret)) = credentials.expose_pair() {
        return Ok(f(&halves(id, secret)));
    }
    let encoded = credentials.expose();
    if encoded.len() > MAX_PAIR.div_ceil(3) * 4 {
        return Err(Reason::PairMalformed);
    }
    let mut buffer = Zeroizing::new([0; MAX_PAIR + 3]);
    let length = STANDARD
        .decode_slice(encoded, buffer.as_mut())
        .map_err(|_| Reason::PairMalformed)?;
    let text = buffer
        .get(..length)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        // "The user-id and password MUST NOT contain any control characters" (RFC 7617 §2).
        .filter(|text| !text.chars().any(char::is_control))
        .ok_or(Reason::PairMalformed)?;
    // "the first colon in a user-pass string separates user-id and password" (RFC 7617 §2).
    let (id, secret) = text.split_once(':').ok_or(Reason::PairMalformed)?;
    Ok(f(&halves(id, secret)))
}
