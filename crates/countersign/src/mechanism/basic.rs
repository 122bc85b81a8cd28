use std::fmt;
#[cfg(feature = "passwords")]
use std::future::ready;
use std::sync::Arc;
#[cfg(feature = "passwords")]
use std::task::{Context, Poll, Waker};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
#[cfg(feature = "passwords")]
use tokio::runtime::Handle;
#[cfg(feature = "passwords")]
use tokio::task::unconstrained;

use crate::credentials::{Carrier, ClientAddress, Credentials, RequestHead, Scheme};
use crate::directory::Directory;
#[cfg(feature = "passwords")]
use crate::directory::UserName;
use crate::id::Id;
use crate::jose::looks_like_jws;
use crate::key::{self, Peppers};
use crate::mechanism::api_keys::KeyVerifier;
#[cfg(feature = "passwords")]
use crate::mechanism::failures::Client;
#[cfg(feature = "passwords")]
use crate::mechanism::password::{Attempt, PasswordHasher, prepare};
use crate::mechanism::{
    CredentialSelector, FailureLimit, MAX_PASSWORD, Mechanism, Outcome, sealed,
};
use crate::principal::Principal;
use crate::reason::Reason;
use crate::rejection::Challenge;
use crate::secret::{Secret, SecretBytes};
use crate::time::Timestamp;

/// The longest `id:secret` that is decoded, in bytes.
const MAX_PAIR: usize = MAX_PASSWORD + 128;
/// The length of most pairs, and of all ids and secrets of API keys.
const SHORT_PAIR: usize = 96;

/// Authenticates Basic (RFC 7617), and the same credentials in a body: the id and secret of an API
/// key and, with [`passwords`](Self::passwords), the name and password of a user.
///
/// A name in the form of an id identifies an API key; no user's name has that form.
#[derive(Clone)]
pub struct Basic {
    keys: KeyVerifier,
    #[cfg(feature = "passwords")]
    hasher: Option<PasswordHasher>,
}

impl Basic {
    /// Accepts the ids and secrets of API keys, and no passwords.
    #[must_use]
    pub fn new(directory: Arc<dyn Directory>, peppers: Peppers) -> Self {
        Self {
            keys: KeyVerifier::new(directory, peppers),
            #[cfg(feature = "passwords")]
            hasher: None,
        }
    }

    /// Accepts the names and passwords of users too.
    #[cfg(feature = "passwords")]
    #[must_use]
    pub fn passwords(mut self, hasher: PasswordHasher) -> Self {
        self.hasher = Some(hasher);
        self
    }

    /// Limits failed attempts. Passwords are rejected before they are hashed when the limit is
    /// reached. Without it, and for requests without a
    /// [`ClientAddress`](crate::credentials::ClientAddress), attempts are not limited.
    #[must_use]
    pub fn failure_limit(mut self, limit: FailureLimit) -> Self {
        self.keys.failures = Some(limit);
        self
    }

    fn verify(&self, pair: &Pair<'_>, now: Timestamp) -> Option<Outcome> {
        if looks_like_jws(pair.secret.as_bytes()) {
            return rejected(Reason::TokenAsSecret);
        }
        // A body says whether it identifies a client or a user; in Basic the form of the name does.
        match (pair.id.parse::<Id>(), pair.carrier) {
            (Ok(_), Carrier::BodyUser) | (Err(_), Carrier::BodyClient) => {
                rejected(Reason::PairMalformed)
            }
            (Ok(_), _) if !key::is_secret(pair.secret.as_bytes()) => {
                rejected(Reason::PairMalformed)
            }
            (Ok(id), _) => {
                let keys = &self.keys;
                let secret = pair.secret.as_bytes();
                let result = keys.verify(id, secret, Scheme::Basic, pair.from, now);
                Some(result.into())
            }
            (Err(_), _) if !self.keys.directory.has_users() => {
                Some(Outcome::Unavailable(Reason::UsersUnavailable))
            }
            (Err(_), _) => self.check_user(pair, now),
        }
    }

    #[cfg(not(feature = "passwords"))]
    #[expect(
        clippy::unused_self,
        reason = "it is used with the feature `passwords`"
    )]
    fn check_user(&self, _: &Pair<'_>, _: Timestamp) -> Option<Outcome> {
        rejected(Reason::PairMalformed)
    }

    /// Checks the limit before anything is looked up, so that right and wrong passwords are throttled
    /// alike, and accepts cached passwords. Returns `None` for all other passwords.
    #[cfg(feature = "passwords")]
    fn check_user(&self, pair: &Pair<'_>, now: Timestamp) -> Option<Outcome> {
        let (Some(hasher), Some(name)) = (&self.hasher, self.user_name(pair)) else {
            return rejected(Reason::PairMalformed);
        };
        let limit = self.keys.failures.as_ref();
        let client = Client {
            from: pair.from,
            id: name.as_str(),
        };
        if let Some(Err(throttled)) = limit.map(|limit| limit.check(&client, now)) {
            return Some(throttled.into());
        }
        let password = prepare(pair.secret);
        hasher.try_verify(&self.attempt(&name, &password, pair.from, now), limit)
    }

    #[cfg(feature = "passwords")]
    fn attempt<'a>(
        &'a self,
        name: &'a UserName,
        password: &'a Secret,
        from: Option<ClientAddress>,
        now: Timestamp,
    ) -> Attempt<'a> {
        Attempt {
            directory: &*self.keys.directory,
            name,
            password: password.expose(),
            from,
            now,
        }
    }

    /// Returns the name if this can be the name and password of a user.
    #[cfg(feature = "passwords")]
    fn user_name(&self, pair: &Pair<'_>) -> Option<UserName> {
        let fits = (1..=MAX_PASSWORD).contains(&pair.secret.len());
        (fits && self.hasher.is_some())
            .then(|| pair.id.parse().ok())
            .flatten()
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is the outcome without waiting"
)]
fn rejected(reason: Reason) -> Option<Outcome> {
    Some(Outcome::Rejected(reason))
}

/// An id and secret, or a name and password, and how they were presented.
struct Pair<'a> {
    id: &'a str,
    secret: &'a str,
    carrier: &'a Carrier,
    from: Option<ClientAddress>,
}

impl Basic {
    /// Decodes the credentials of `Authorization: Basic` into user-id and password (RFC 7617 §2), for token endpoints
    /// that encode the two once more (RFC 6749 §2.3.1).
    ///
    /// Returns `None` if the credentials are malformed, or have another carrier.
    #[must_use]
    pub fn decode(credentials: &Credentials) -> Option<(Secret, Secret)> {
        if *credentials.carrier() != Carrier::BASIC {
            return None;
        }
        let owned = |text: &str| Secret::from(text.to_owned());
        with_pair(credentials, |pair| (owned(pair.id), owned(pair.secret))).ok()
    }
}

impl Mechanism for Basic {
    fn selectors(&self) -> Vec<CredentialSelector> {
        let carriers = [Carrier::BASIC, Carrier::BodyClient, Carrier::BodyUser];
        carriers.map(CredentialSelector::all).into()
    }

    fn challenge(&self) -> Challenge {
        Challenge::BASIC
    }

    fn try_authenticate(
        &self,
        credentials: &Credentials,
        _: &RequestHead<'_>,
        now: Timestamp,
    ) -> Option<Outcome> {
        with_pair(credentials, |pair| self.verify(pair, now)).unwrap_or_else(rejected)
    }

    /// The attempt begins now, before the caller polls the future. Otherwise a cached password, which is accepted at once,
    /// would overtake the guesses that came before it and have reserved no room yet. It needs no permission of tokio to begin,
    /// which a task that has done much does not get.
    #[cfg(feature = "passwords")]
    fn authenticate(
        self: Arc<Self>,
        credentials: Credentials,
        _: &RequestHead<'_>,
        now: Timestamp,
    ) -> crate::BoxFuture<'static, Outcome> {
        begin(unconstrained(async move {
            let owned = with_pair(&credentials, |pair| {
                let name = self.user_name(pair)?;
                Some((name, prepare(pair.secret)))
            });
            let (Some(hasher), Ok(Some((name, password)))) = (&self.hasher, owned) else {
                return Outcome::Rejected(Reason::PairMalformed);
            };
            let attempt = self.attempt(&name, &password, credentials.from(), now);
            hasher.verify(&attempt, self.keys.failures.as_ref()).await
        }))
    }

    fn revalidate(&self, principal: &Principal, now: Timestamp) -> Result<(), Reason> {
        self.keys.revalidate(principal, now)
    }

    fn is_primary(&self, _: sealed::Internal) -> bool {
        true
    }
}

/// Polls a future once, so that what it does first is done when this returns.
#[cfg(feature = "passwords")]
fn begin(
    future: impl Future<Output = Outcome> + Send + 'static,
) -> crate::BoxFuture<'static, Outcome> {
    let mut future = Box::pin(future);
    // Passwords are hashed on threads of the runtime.
    if Handle::try_current().is_err() {
        return future;
    }
    let mut cx = Context::from_waker(Waker::noop());
    match future.as_mut().poll(&mut cx) {
        Poll::Ready(outcome) => Box::pin(ready(outcome)),
        Poll::Pending => future,
    }
}

impl fmt::Debug for Basic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Basic").finish_non_exhaustive()
    }
}

/// Calls `f` with the id and secret: those of a body as they are, those of Basic decoded (RFC 7617
/// §2).
fn with_pair<T>(credentials: &Credentials, f: impl FnOnce(&Pair<'_>) -> T) -> Result<T, Reason> {
    let pair = |id, secret| Pair {
        id,
        secret,
        carrier: credentials.carrier(),
        from: credentials.from(),
    };
    if let Some((id, secret)) = credentials.expose_pair() {
        return Ok(f(&pair(id, secret)));
    }
    // The smaller buffer suffices for most, and is written and overwritten in less time.
    let encoded = credentials.expose();
    if encoded.len() <= encoded_len(SHORT_PAIR) {
        let mut buffer = SecretBytes([0; SHORT_PAIR + 3]);
        let (id, secret) = decode_basic(encoded, &mut buffer.0)?;
        return Ok(f(&pair(id, secret)));
    }
    let mut buffer = SecretBytes([0; MAX_PAIR + 3]);
    let (id, secret) = decode_basic(encoded, &mut buffer.0)?;
    Ok(f(&pair(id, secret)))
}

/// Returns the length of this many bytes in base64.
const fn encoded_len(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

/// Decodes the credentials of Basic into user-id and password (RFC 7617 §2).
fn decode_basic<'a>(encoded: &[u8], buffer: &'a mut [u8]) -> Result<(&'a str, &'a str), Reason> {
    let malformed = Reason::PairMalformed;
    if encoded.len() > encoded_len(MAX_PAIR) {
        return Err(malformed);
    }
    let length = STANDARD
        .decode_slice(encoded, buffer)
        .map_err(|_| malformed)?;
    let text = buffer
        .get(..length)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        // "The user-id and password MUST NOT contain any control characters" (RFC 7617 §2).
        .filter(|text| !has_control(text))
        .ok_or(malformed)?;
    // "the first colon in a user-pass string separates user-id and password" (RFC 7617 §2).
    text.split_once(':').ok_or(malformed)
}

fn has_control(text: &str) -> bool {
    match text.is_ascii() {
        true => text.bytes().any(|byte| byte.is_ascii_control()),
        false => text.chars().any(char::is_control),
    }
}
