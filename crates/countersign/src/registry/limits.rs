use std::num::NonZeroU32;

use crate::registry::Caller;

/// How many records callers may create in a registry. The operator may create any number.
///
/// A record counts until it is deleted, also if it is revoked or has expired, because it takes memory until then. A caller
/// that would create more gets a [`Conflict`](super::Conflict).
///
/// ```
/// use countersign::auth::Authenticator;
/// use countersign::credentials::{Credentials, RequestHead};
/// use countersign::directory::MemoryDirectory;
/// use countersign::key::{Pepper, Peppers};
/// use countersign::mechanism::ApiKeys;
/// use countersign::random::SystemRandom;
/// use countersign::registry::{Caller, Conflict, MemoryRegistry, NewKey, RecordLimits};
/// use countersign::registry::{Registry, RegistryError};
/// use countersign::time::SystemClock;
/// use std::{num::NonZeroU32, sync::Arc};
///
/// # tokio_test::block_on(async {
/// let peppers = Peppers::new(Pepper::new(1, &[7; 32])?, []);
/// let directory = Arc::new(MemoryDirectory::default());
/// let mut limits = RecordLimits::default();
/// limits.credentials = NonZeroU32::new(2).unwrap();
/// let registry =
///     MemoryRegistry::new(directory.clone(), peppers.clone(), SystemClock, SystemRandom)?;
/// let registry = registry.with_limits(limits);
///
/// let operator = Caller::operator("operator");
/// let new_key = || NewKey::new("ci", "*".parse().unwrap());
/// let key = registry.create_key(&operator, new_key()).await?;
/// let keys = ApiKeys::new(directory, peppers);
/// let authenticator = Authenticator::builder().primary(keys).build()?;
/// let credentials = Credentials::key(key.issued.key);
/// let principal = authenticator.authenticate(credentials, &RequestHead::empty()).await.unwrap();
/// let caller = Caller::authenticated(&principal).unwrap();
///
/// assert!(registry.create_key(&caller, new_key()).await.is_ok());
/// let third = registry.create_key(&caller, new_key()).await;
/// let Err(RegistryError::Conflict(Conflict::TooManyCredentials(most))) = third else {
///     panic!("a third key was created");
/// };
/// assert_eq!(most, limits.credentials);
/// assert!(registry.create_key(&operator, new_key()).await.is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordLimits {
    /// The managed tokens that one credential created. Default: 10,000.
    pub managed_tokens: NonZeroU32,
    /// The keys and users of one account together. Default: 10,000.
    pub credentials: NonZeroU32,
    /// The environments of one account. Default: 1,000.
    pub environments: NonZeroU32,
}

impl RecordLimits {
    /// Returns the limits if they apply to a caller: `None` for the operator.
    #[must_use]
    pub fn of(&self, caller: &Caller) -> Option<&Self> {
        caller.credential().map(|_| self)
    }
}

impl Default for RecordLimits {
    fn default() -> Self {
        const THOUSAND: NonZeroU32 = NonZeroU32::MIN.saturating_add(999);
        const TEN_THOUSAND: NonZeroU32 = NonZeroU32::MIN.saturating_add(9999);
        Self {
            managed_tokens: TEN_THOUSAND,
            credentials: TEN_THOUSAND,
            environments: THOUSAND,
        }
    }
}
