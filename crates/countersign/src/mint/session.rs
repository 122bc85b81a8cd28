use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{AccessToken, Mint, MintError, MintRequest};
use crate::registry::{
    SessionError, SessionKey, SessionName, SessionRequest, SessionToken, Sessions,
};
use crate::time::Timestamp;

/// So many sessions of a credential live at once, unless there is a reason for another number.
const SESSIONS: u32 = 100;
const MINUTE: Duration = Duration::from_secs(60);

/// Mints tokens of sessions: while the token of a session is valid, the same one comes again, byte for byte.
///
/// ```
/// # use std::sync::Arc;
/// # use countersign::auth::PrimaryAuthenticator;
/// # use countersign::credentials::Credentials;
/// # use countersign::directory::MemoryDirectory;
/// # use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry};
/// # use countersign::jose::{Algorithm, SigningKey};
/// # use countersign::key::{Pepper, Peppers};
/// # use countersign::mechanism::ApiKeys;
/// # use countersign::mint::{Issuer, Mint, MintParameters, MintRequest};
/// # use countersign::random::SystemRandom;
/// # use countersign::time::SystemClock;
/// use countersign::registry::SessionError;
/// use countersign::mint::SessionMint;
///
/// # tokio_test::block_on(async {
/// # let peppers = Peppers::new(Pepper::new(1, &[7; 32])?, []);
/// # let directory = Arc::new(MemoryDirectory::default());
/// # let registry = MemoryRegistry::new(directory.clone(), peppers.clone(), SystemClock, SystemRandom)?;
/// # let registry = Arc::new(registry);
/// # let new = NewKey::new("ci", "calls:read".parse()?);
/// # let key = registry.create_key(&Caller::operator("me"), new).await?.issued.key;
/// # let issuer = Issuer::builder("https://auth.example")
/// #     .signing_key(SigningKey::generate(Algorithm::EdDsa, &SystemRandom)?)
/// #     .build()?;
/// # let mint = Mint::new(issuer, SystemClock, SystemRandom);
/// # let keys = PrimaryAuthenticator::builder().primary(ApiKeys::new(directory, peppers)).build()?;
/// # let principal = keys.authenticate(Credentials::key(key)).await?;
/// let mint = SessionMint::new(mint, registry).max_sessions(2);
/// let request = MintRequest::new(principal, MintParameters::default());
/// let first = mint.mint(&request, None).await?;
/// let again = mint.mint(&request, None).await?;
/// assert_eq!(first.token.expose(), again.token.expose());
///
/// let other = mint.mint(&request, Some("worker-7".parse()?)).await?;
/// assert_ne!(first.token.expose(), other.token.expose());
///
/// let third = mint.mint(&request, Some("worker-8".parse()?)).await;
/// assert!(matches!(third, Err(SessionError::TooMany(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct SessionMint {
    mint: Mint,
    sessions: Arc<dyn Sessions>,
    max_sessions: u32,
    renew_within: Duration,
}

impl SessionMint {
    /// Sessions of what `mint` mints, at most 100 of a credential at once.
    #[must_use]
    pub fn new(mint: Mint, sessions: Arc<dyn Sessions>) -> Self {
        Self {
            mint,
            sessions,
            max_sessions: SESSIONS,
            renew_within: MINUTE,
        }
    }

    /// How many sessions of a credential live at once.
    #[must_use]
    pub const fn max_sessions(mut self, max: u32) -> Self {
        self.max_sessions = max;
        self
    }

    /// A token in the last hundredth of its life is not handed out again, nor in this last part of it, whichever
    /// is shorter. By default it is a minute.
    #[must_use]
    pub const fn renew_within(mut self, last: Duration) -> Self {
        self.renew_within = last;
        self
    }

    /// The mint that makes each session's token.
    #[must_use]
    pub const fn mint_of_each(&self) -> &Mint {
        &self.mint
    }

    /// The token of a session.
    ///
    /// # Errors
    ///
    /// [`SessionError`] when it cannot be minted, there are too many sessions, or they cannot be reached.
    pub async fn mint(
        &self,
        request: &MintRequest,
        name: Option<SessionName>,
    ) -> Result<AccessToken, SessionError> {
        let now = self.mint.clock().now();
        let principal = &request.principal;
        let (Some(credential), Some(account)) = (principal.credential_id(), principal.account())
        else {
            return Err(MintError::Principal.into());
        };
        let key = SessionKey {
            issuer: self.mint.issuer().url().into(),
            credential: *credential,
            generation: principal.generation(),
            name,
            scopes: self.mint.scopes(request)?,
            audience: self.mint.audience(request)?.into(),
            key_id: self.mint.signing_key(now)?.id().into(),
        };
        let opening = SessionRequest {
            key,
            account: *account,
            now,
            longest: self.mint.terms().max_lifetime,
            limit: self.max_sessions,
            mint: &|| self.begin(request, now),
        };
        let token = self.sessions.open(opening).await?;
        Ok(AccessToken {
            expires_in: u64::try_from(token.expires_at.unix_seconds() - now.unix_seconds())
                .unwrap_or(0),
            ..token
        })
    }

    fn begin(&self, request: &MintRequest, now: Timestamp) -> Result<SessionToken, MintError> {
        let account = request.principal.account().ok_or(MintError::Principal)?;
        let session = self.mint.new_id(now, account)?;
        let token = self.mint.mint_at(request, now, Some(&session))?;
        let last = Duration::from_secs(token.expires_in / 100).min(self.renew_within);
        let last = i64::try_from(last.as_secs()).unwrap_or(0);
        Ok(SessionToken {
            session,
            issued_at: Timestamp::from_unix_seconds(now.unix_seconds()),
            reuse_until: Timestamp::from_unix_seconds(token.expires_at.unix_seconds() - last),
            token,
        })
    }
}

impl fmt::Debug for SessionMint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionMint")
            .field("mint", &self.mint)
            .field("max_sessions", &self.max_sessions)
            .finish_non_exhaustive()
    }
}
