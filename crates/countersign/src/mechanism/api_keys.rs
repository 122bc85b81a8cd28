use std::fmt;
use std::sync::Arc;

use http::HeaderName;

use crate::credentials::{Carrier, Credentials};
use crate::directory::{Credential, Directory, Proof};
use crate::id::Id;
use crate::key::{ApiKey, InvalidKey, KeyPrefix, Peppers};
use crate::mechanism::{Claim, Judged, Mechanism};
use crate::principal::{Identity, Scheme};
use crate::rejection::{Challenge, Reason};
use crate::time::Timestamp;

/// Judges API keys, by default in `x-api-key`.
///
/// A key whose form or checksum is wrong is refused without a look-up. One digest and one comparison
/// are made for every other key, known or not.
#[derive(Clone)]
pub struct ApiKeys {
    directory: Arc<dyn Directory>,
    peppers: Peppers,
    prefix: KeyPrefix,
    header: HeaderName,
    bearer: bool,
}

impl ApiKeys {
    /// Keys with the default prefix `cs`, in `x-api-key`.
    #[must_use]
    pub fn new(directory: Arc<dyn Directory>, peppers: Peppers) -> Self {
        Self {
            directory,
            peppers,
            prefix: KeyPrefix::default(),
            header: HeaderName::from_static("x-api-key"),
            bearer: false,
        }
    }

    /// Keys with another prefix.
    #[must_use]
    pub fn prefix(mut self, prefix: KeyPrefix) -> Self {
        self.prefix = prefix;
        self
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

    fn judge(&self, presented: &[u8], now: Timestamp) -> Result<Identity, Reason> {
        let key = ApiKey::parse(presented).map_err(|invalid| match invalid {
            InvalidKey::Checksum => Reason::KeyChecksum,
            InvalidKey::Form if super::looks_like_token(presented) => Reason::TokenAsSecret,
            InvalidKey::Form => Reason::KeyMalformed,
        })?;
        if key.prefix() != self.prefix.as_str() {
            return Err(Reason::KeyMalformed);
        }
        judge_key(
            &*self.directory,
            &self.peppers,
            key.id(),
            key.secret(),
            Scheme::ApiKey,
            now,
        )
    }
}

impl Mechanism for ApiKeys {
    fn claims(&self) -> Vec<Claim> {
        let keys = |carrier| Claim::keys(carrier, self.prefix.clone());
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
        Judged::Now(self.judge(credentials.expose(), now).into())
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeys")
            .field("prefix", &self.prefix)
            .field("header", &self.header)
            .field("bearer", &self.bearer)
            .finish_non_exhaustive()
    }
}

/// Judges a key's id and secret, however they were presented.
///
/// The work is the same whether the id is known or not; status and expiry count only once the secret
/// is right, so that nobody learns of a key's state without holding it.
pub(super) fn judge_key(
    directory: &dyn Directory,
    peppers: &Peppers,
    id: &Id,
    secret: &str,
    scheme: Scheme,
    now: Timestamp,
) -> Result<Identity, Reason> {
    directory.vouch().map_err(|_| Reason::DirectoryStale)?;
    let found = directory.credential(id);
    let known = found.is_some();
    let credential = found.unwrap_or_else(Credential::nobody);
    let kept = match &credential.proof {
        Proof::Key(kept) => Some(*kept),
        Proof::Password(_) => None,
    };
    let right = peppers.matches(kept, id, secret);
    if !known || kept.is_none() {
        return Err(Reason::CredentialUnknown);
    }
    if !right {
        return Err(Reason::SecretWrong);
    }
    Identity::proven(credential, scheme, now)
}
