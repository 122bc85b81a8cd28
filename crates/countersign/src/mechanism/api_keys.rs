use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderName;

use crate::credentials::Scheme;
use crate::credentials::{Carrier, Credentials};
use crate::directory::{Credential, DigestUpgrade, Directory, StoredSecret, Usage};
use crate::id::Id;
use crate::key::{ApiKey, InvalidKey, Peppers, SecretIs};
use crate::mechanism::{CredentialSelector, Judged, Mechanism};
use crate::principal::Identity;
use crate::reason::Reason;
use crate::rejection::Challenge;
use crate::time::Timestamp;

/// Judges API keys, by default in `x-api-key`.
///
/// A key whose form or checksum is wrong is refused without a look-up. One digest and one comparison
/// are made for every other key, known or not.
#[derive(Clone)]
pub struct ApiKeys {
    directory: Arc<dyn Directory>,
    peppers: Peppers,
    header: HeaderName,
    bearer: bool,
    #[cfg(feature = "passwords")]
    failures: Option<super::FailureLimit>,
}

impl ApiKeys {
    /// Keys with the prefix of `peppers`, in `x-api-key`.
    #[must_use]
    pub fn new(directory: Arc<dyn Directory>, peppers: Peppers) -> Self {
        Self {
            directory,
            peppers,
            header: HeaderName::from_static("x-api-key"),
            bearer: false,
            #[cfg(feature = "passwords")]
            failures: None,
        }
    }

    /// Keys in another header.
    #[must_use]
    pub fn header(mut self, header: HeaderName) -> Self {
        self.header = header;
        self
    }

    /// Keys as `Authorization: Bearer <prefix>_…` too. They stay primary credentials there: what is
    /// presented is the long-lived key itself.
    #[must_use]
    pub fn bearer(mut self) -> Self {
        self.bearer = true;
        self
    }

    /// Counts keys that are refused towards a limit that [`Basic`](super::Basic) has for passwords. Keys
    /// themselves are judged in any case, since that is cheap.
    #[cfg(feature = "passwords")]
    #[must_use]
    pub fn failure_limit(mut self, limit: super::FailureLimit) -> Self {
        self.failures = Some(limit);
        self
    }

    fn judge(&self, credentials: &Credentials, now: Timestamp) -> Result<Identity, Reason> {
        let presented = credentials.expose();
        let key = ApiKey::parse(presented).map_err(|invalid| match invalid {
            InvalidKey::Checksum => Reason::KeyChecksum,
            InvalidKey::Form if super::looks_like_token(presented) => Reason::TokenAsSecret,
            InvalidKey::Form => Reason::KeyMalformed,
        })?;
        if key.prefix() != self.peppers.prefix().as_str() {
            return Err(Reason::KeyMalformed);
        }
        let pair = Pair {
            id: *key.id(),
            secret: key.secret(),
            scheme: Scheme::ApiKey,
            from: credentials.from(),
        };
        let judged = judge_key(&*self.directory, &self.peppers, &pair, now);
        #[cfg(feature = "passwords")]
        if let Some(limit) = &self.failures {
            limit.count_key(&pair.id, pair.from, &judged, now);
        }
        judged
    }
}

impl Mechanism for ApiKeys {
    fn selectors(&self) -> Vec<CredentialSelector> {
        let keys = |carrier| CredentialSelector::keys(carrier, self.peppers.prefix().clone());
        let mut claims = vec![
            keys(Carrier::Header(self.header.clone())),
            keys(Carrier::BodyKey),
        ];
        if self.bearer {
            claims.push(keys(Carrier::BEARER));
        }
        claims
    }

    fn challenge(&self) -> Challenge {
        Challenge::API_KEY
    }

    fn try_verify(&self, credentials: &Credentials, now: Timestamp) -> Judged {
        Judged::Now(self.judge(credentials, now).into())
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeys")
            .field("prefix", self.peppers.prefix())
            .field("header", &self.header)
            .field("bearer", &self.bearer)
            .finish_non_exhaustive()
    }
}

/// A key's id and secret, and from where they came, however they were presented.
pub(super) struct Pair<'a> {
    pub(super) id: Id,
    pub(super) secret: &'a str,
    pub(super) scheme: Scheme,
    pub(super) from: Option<IpAddr>,
}

/// Judges a key's id and secret.
///
/// The work is the same whether the id is known or not; status, expiry and address count only once the secret
/// is right, so that nobody learns of a key's state without holding it.
pub(super) fn judge_key(
    directory: &dyn Directory,
    peppers: &Peppers,
    pair: &Pair<'_>,
    now: Timestamp,
) -> Result<Identity, Reason> {
    directory
        .check_freshness()
        .map_err(|_| Reason::DirectoryStale)?;
    let found = directory.credential(&pair.id);
    let known = found.is_some();
    let credential = found.unwrap_or_else(Credential::unknown);
    let kept = match &credential.secret {
        StoredSecret::Key(kept) if known => Some(kept),
        StoredSecret::Key(_) | StoredSecret::Password(_) | StoredSecret::Signature => None,
    };
    let unknown = kept.is_none();
    let outdated = match peppers.judge(kept, &pair.id, pair.secret, now) {
        SecretIs::Right { outdated } => outdated,
        SecretIs::Wrong if unknown => return Err(Reason::CredentialUnknown),
        SecretIs::Wrong => return Err(Reason::SecretWrong),
        SecretIs::NeverJudged => return Err(Reason::PepperMissing),
    };
    let digest = kept.filter(|_| outdated).map(|kept| DigestUpgrade {
        outdated: *kept.current(),
        renewed: peppers.digest(&pair.id, pair.secret),
    });
    let identity = Identity::proven(credential, pair.scheme, pair.from, now)?;
    directory.used(Usage {
        credential: pair.id,
        at: now,
        digest,
    });
    Ok(identity)
}
