use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::credentials::{Carrier, Credentials};
use crate::directory::Directory;
use crate::id::Id;
use crate::key::{self, Peppers};
use crate::mechanism::{Claim, Judged, MAX_PASSWORD, Mechanism, Verdict, api_keys};
use crate::principal::{Identity, Scheme};
use crate::rejection::{Challenge, Reason};
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
    hasher: Option<super::password::PasswordHasher>,
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
        }
    }

    /// Takes users' names and passwords too.
    #[cfg(feature = "passwords")]
    #[must_use]
    pub fn passwords(mut self, hasher: super::password::PasswordHasher) -> Self {
        self.hasher = Some(hasher);
        self
    }

    fn judge(&self, id: &str, secret: &str, now: Timestamp) -> Option<Result<Identity, Reason>> {
        if super::looks_like_token(secret.as_bytes()) {
            return Some(Err(Reason::TokenAsSecret));
        }
        if let Ok(id) = id.parse::<Id>() {
            if !key::is_secret(secret) {
                return Some(Err(Reason::PairMalformed));
            }
            let (directory, peppers) = (&*self.directory, &self.peppers);
            return Some(api_keys::judge_key(
                directory,
                peppers,
                &id,
                secret,
                Scheme::Basic,
                now,
            ));
        }
        self.judge_user(id, secret)
    }

    #[cfg(not(feature = "passwords"))]
    #[expect(
        clippy::unnecessary_wraps,
        reason = "with the feature `passwords`, hashing is left for later"
    )]
    fn judge_user(&self, _name: &str, _password: &str) -> Option<Result<Identity, Reason>> {
        Some(Err(Reason::PairMalformed))
    }

    /// What needs no hash is refused at once; all else waits for one.
    #[cfg(feature = "passwords")]
    fn judge_user(&self, name: &str, password: &str) -> Option<Result<Identity, Reason>> {
        let readable = name.parse::<crate::directory::UserName>().is_ok()
            && (1..=MAX_PASSWORD).contains(&password.len());
        if self.hasher.is_none() || !readable {
            return Some(Err(Reason::PairMalformed));
        }
        None
    }
}

impl Mechanism for Basic {
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::all(Carrier::BASIC), Claim::all(Carrier::BodyClient)]
    }

    fn challenge(&self) -> Challenge {
        Challenge::BASIC
    }

    fn try_verify(&self, credentials: &Credentials, now: Timestamp) -> Judged {
        let judged = with_pair(credentials, |id, secret| {
            match self.judge(id, secret, now) {
                // A client is a key. Its id is no user's name.
                None if *credentials.carrier() == Carrier::BodyClient => {
                    Some(Err(Reason::PairMalformed))
                }
                judged => judged,
            }
        });
        match judged {
            Ok(Some(result)) => Judged::Now(result.into()),
            Ok(None) => Judged::Later,
            Err(reason) => Judged::Now(Verdict::Refused(reason)),
        }
    }

    #[cfg(feature = "passwords")]
    fn verify(
        self: Arc<Self>,
        credentials: Credentials,
        now: Timestamp,
    ) -> crate::BoxFuture<'static, Verdict> {
        use crate::secret::Secret;

        let owned = with_pair(&credentials, |name, password| {
            let name = name.parse().ok()?;
            Some((name, Secret::from(password.to_owned())))
        });
        Box::pin(async move {
            let (Some(hasher), Ok(Some((name, password)))) = (&self.hasher, owned) else {
                return Verdict::Refused(Reason::PairMalformed);
            };
            hasher
                .judge(&*self.directory, &name, password, now)
                .await
                .into()
        })
    }
}

impl fmt::Debug for Basic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Basic").finish_non_exhaustive()
    }
}

/// Calls `f` with the two halves: of a pair as they are, of Basic decoded (RFC 7617 §2).
fn with_pair<T>(credentials: &Credentials, f: impl FnOnce(&str, &str) -> T) -> Result<T, Reason> {
    if let Some((id, secret)) = credentials.expose_pair() {
        return Ok(f(id, secret));
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
    Ok(f(id, secret))
}
