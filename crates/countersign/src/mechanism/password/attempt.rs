use crate::credentials::{ClientAddress, Scheme};
use crate::directory::{Credential, Directory, PasswordUpgrade, Usage, UserName};
use crate::mechanism::failures::Client;
use crate::principal::Identity;
use crate::reason::Reason;
use crate::time::Timestamp;

/// An attempt of a client to authenticate with a password.
pub(in crate::mechanism) struct Attempt<'a> {
    pub(in crate::mechanism) directory: &'a dyn Directory,
    pub(in crate::mechanism) name: &'a UserName,
    pub(in crate::mechanism) password: &'a str,
    pub(in crate::mechanism) from: Option<ClientAddress>,
    pub(in crate::mechanism) now: Timestamp,
}

impl Attempt<'_> {
    pub(super) fn client(&self) -> Client<'_> {
        Client {
            from: self.from,
            id: self.name.as_str(),
        }
    }

    /// Checks everything that remains once the password is verified.
    pub(super) fn finish(
        &self,
        credential: Credential,
        upgrade: Option<PasswordUpgrade>,
    ) -> Result<Identity, Reason> {
        let id = credential.id;
        let identity = Identity::proven(credential, Scheme::Basic, self.from, self.now)?;
        self.directory.used(Usage {
            credential: id,
            at: self.now,
            digest: None,
            password: upgrade,
        });
        Ok(identity)
    }
}
