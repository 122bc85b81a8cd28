//! What a credential created: what to look at, and to revoke, after it was compromised.

use std::collections::VecDeque;

use countersign::BoxFuture;
use countersign::Id;
use countersign::directory::{CredentialKind, Status};
use countersign::registry::{Change, Page};

use super::{CredentialResponse, Operations, OpsError};

impl Operations {
    /// Lists the keys, users and managed tokens that a credential created, and what these created in turn. With `revoke`,
    /// revokes each of them that is not revoked, and lists only those. Each is revoked before what it created is listed, so
    /// that it creates nothing that is missed.
    pub fn list_created<'a>(
        &'a self,
        creator: Id,
        revoke: Option<&'a Change>,
    ) -> BoxFuture<'a, Result<Vec<CredentialResponse>, OpsError>> {
        Box::pin(async move {
            let mut created = Vec::new();
            let mut creators = VecDeque::from([creator]);
            while let Some(creator) = creators.pop_front() {
                for kind in [
                    CredentialKind::Key,
                    CredentialKind::User,
                    CredentialKind::Token,
                ] {
                    let (page, _) = self.list(kind, Some(creator), Page::all()).await?;
                    for credential in page {
                        if kind != CredentialKind::Token {
                            creators.push_back(credential.id);
                        }
                        match revoke {
                            None => created.push(credential),
                            Some(_) if credential.status == Status::Revoked => {}
                            Some(revoke) => {
                                let id = credential.id;
                                created
                                    .push(self.change_credential(kind, id, revoke.clone()).await?);
                            }
                        }
                    }
                }
            }
            Ok(created)
        })
    }
}
