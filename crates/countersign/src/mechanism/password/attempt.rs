use std::net::IpAddr;

use crate::credentials::Scheme;
use crate::directory::{Credential, Directory, Usage, UserName};
use crate::mechanism::Outcome;
use crate::mechanism::failures::{Throttled, Who};
use crate::principal::Identity;
use crate::reason::Reason;
use crate::time::Timestamp;

/// A password, for whom, and from where.
pub(in crate::mechanism) struct Attempt<'a> {
    pub(in crate::mechanism) directory: &'a dyn Directory,
    pub(in crate::mechanism) name: &'a UserName,
    pub(in crate::mechanism) password: &'a str,
    pub(in crate::mechanism) from: Option<IpAddr>,
    pub(in crate::mechanism) now: Timestamp,
}

impl Attempt<'_> {
    pub(in crate::mechanism) fn who(&self) -> Who<'_> {
        Who {
            from: self.from,
            id: self.name.as_str(),
        }
    }

    /// All that is judged once the password is known to be right.
    pub(super) fn finish(&self, credential: Credential) -> Result<Identity, Reason> {
        let id = credential.id;
        let identity = Identity::proven(credential, Scheme::Basic, self.from, self.now)?;
        self.directory.used(Usage {
            credential: id,
            at: self.now,
            digest: None,
        });
        Ok(identity)
    }
}

/// Why nobody was let in.
#[derive(Debug)]
pub(in crate::mechanism) enum Refusal {
    Because(Reason),
    Throttled(Throttled),
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self::Because(reason)
    }
}

impl From<Throttled> for Refusal {
    fn from(throttled: Throttled) -> Self {
        Self::Throttled(throttled)
    }
}

impl From<Refusal> for Outcome {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Because(reason) => Err(reason).into(),
            Refusal::Throttled(throttled) => throttled.into(),
        }
    }
}
