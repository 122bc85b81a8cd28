use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{AccessToken, Mint, MintError, MintRequest};
use crate::registry::backend::{SessionKey, SessionRequest, SessionToken};
use crate::registry::{SessionError, SessionName, Sessions};
use crate::time::Timestamp;

const MAX_SESSIONS: u32 = 100;
const MIN_REMAINING: Duration = Duration::from_secs(60);

/// Mints session tokens: while the token of a session is valid, every request for the session gets the
/// same token, byte for byte.
///
/// ```
/// # use std::sync::Arc;
/// # use countersign::auth::Authenticator;
/// # use countersign::credentials::{Credentials, RequestHead};
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
/// # let keys = Authenticator::builder().primary(ApiKeys::new(directory, peppers)).build()?;
/// # let principal = keys.authenticate(Credentials::key(key), &RequestHead::empty()).await?;
/// # let principal = principal.primary().expect("an API key is a primary credential");
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
    min_remaining: Duration,
}

impl SessionMint {
    /// Creates a mint of session tokens, which allows a credential 100 sessions at once.
    #[must_use]
    pub fn new(mint: Mint, sessions: Arc<dyn Sessions>) -> Self {
        Self {
            mint,
            sessions,
            max_sessions: MAX_SESSIONS,
            min_remaining: MIN_REMAINING,
        }
    }

    /// Sets how many sessions a credential may have at once.
    #[must_use]
    pub const fn max_sessions(mut self, max: u32) -> Self {
        self.max_sessions = max;
        self
    }

    /// Sets the remaining lifetime below which a token is replaced by a new one: this duration, or a
    /// hundredth of the token's lifetime if that is shorter. The default is a minute.
    #[must_use]
    pub const fn min_remaining(mut self, remaining: Duration) -> Self {
        self.min_remaining = remaining;
        self
    }

    /// Returns the mint that creates the tokens.
    #[must_use]
    pub const fn token_mint(&self) -> &Mint {
        &self.mint
    }

    /// Returns the token of a session.
    ///
    /// # Errors
    ///
    /// - [`SessionError::Mint`] if the token cannot be minted;
    /// - [`SessionError::TooMany`] if the credential has too many sessions;
    /// - [`SessionError::Unavailable`] if the sessions cannot be read or written.
    pub async fn mint(
        &self,
        request: &MintRequest,
        name: Option<SessionName>,
    ) -> Result<AccessToken, SessionError> {
        let now = self.mint.clock().now();
        let issuer = &*self.mint.issuer().0;
        let MintRequest {
            principal,
            parameters,
        } = request;
        let (Some(credential), Some(account)) = (principal.credential_id(), principal.account())
        else {
            return Err(MintError::Principal.into());
        };
        let key = SessionKey {
            issuer: Arc::clone(&issuer.url),
            credential: *credential,
            generation: principal.generation(),
            name,
            scopes: self.mint.settings().scopes(principal, parameters)?,
            audience: issuer.audience(parameters)?.into(),
            key_id: self.mint.signing_key(now)?.id().into(),
        };
        let session = SessionRequest {
            key,
            account: *account,
            now,
            max_lifetime: self.mint.settings().max_lifetime,
            max_sessions: self.max_sessions,
            mint: &|| self.start(request, now),
        };
        let token = self.sessions.open(session).await?;
        Ok(AccessToken {
            expires_in: u64::try_from(token.expires_at.unix_seconds() - now.unix_seconds())
                .unwrap_or(0),
            ..token
        })
    }

    /// Mints the token of a new session.
    fn start(&self, request: &MintRequest, now: Timestamp) -> Result<SessionToken, MintError> {
        let account = request.principal.account().ok_or(MintError::Principal)?;
        let session = self.mint.new_id(now, account)?;
        let token = self.mint.mint_at(request, now, Some(&session))?;
        let remaining = Duration::from_secs(token.expires_in / 100).min(self.min_remaining);
        let remaining = i64::try_from(remaining.as_secs()).unwrap_or(0);
        Ok(SessionToken {
            session,
            issued_at: Timestamp::from_unix_seconds(now.unix_seconds()),
            reuse_until: Timestamp::from_unix_seconds(token.expires_at.unix_seconds() - remaining),
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
