//! Ids and generations. They follow from the contents of a file alone: without a store, all nodes and all starts of a process must
//! arrive at the same ones.

use crate::directory::{Credential, StoredSecret};
use crate::id::Id;
use crate::key::Pepper;
use crate::time::Timestamp;

/// The number of bytes in which all ids are equal.
const HEAD: usize = 10;

/// The account of all credentials, `000000000000f11e0000000000000000`. Its head is the head of all ids: the time 0, which no other id
/// has, and a partition.
pub(super) const ACCOUNT: Id = Id::from_bytes([
    0, 0, 0, 0, 0, 0, 0, 0x07, 0x84, 0x2e, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
]);

/// Returns whether this is the id of a credential of a file, or of their account.
pub(super) fn is_of_file(id: &Id) -> bool {
    let head = |id: &Id| id.as_bytes().first_chunk::<HEAD>().copied();
    head(id) == head(&ACCOUNT)
}

/// Returns the id of the key with this name.
pub(super) fn of_key(pepper: &Pepper, name: &str) -> Id {
    derive(pepper, b"key", name)
}

/// Returns the id of the user with this name.
pub(super) fn of_user(pepper: &Pepper, name: &str) -> Id {
    derive(pepper, b"user", name)
}

fn derive(pepper: &Pepper, kind: &[u8], name: &str) -> Id {
    let mac = pepper.mac(&[b"file-id/v1", kind, name.as_bytes()]);
    let mut bytes = *ACCOUNT.as_bytes();
    for (byte, derived) in bytes.iter_mut().skip(HEAD).zip(mac) {
        *byte = derived;
    }
    Id::from_bytes(bytes)
}

/// Returns the generation of a credential: a digest of everything on which the acceptance of its tokens depends. Generations of a
/// file are compared for equality.
pub(super) fn generation(pepper: &Pepper, credential: &Credential) -> u32 {
    let secret: &[u8] = match &credential.secret {
        StoredSecret::Key(digests) => digests.current.digest.as_bytes(),
        StoredSecret::ImportedKey(digest) => digest.digest.as_bytes(),
        StoredSecret::Password(hash) => hash.as_bytes(),
        StoredSecret::Signature => &[],
    };
    let expires_at = credential.expires_at.map(Timestamp::unix_millis);
    let [a, b, c, d, ..] = pepper.mac(&[
        b"file-generation/v1",
        secret,
        credential.scopes.to_sorted_string().as_bytes(),
        &expires_at.unwrap_or(i64::MAX).to_be_bytes(),
        credential.allow_from.to_string().as_bytes(),
    ]);
    u32::from_be_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    // Computed in Python with hmac.new(b"countersign/file-credentials/v1", …, "sha256") over the parts with their lengths.
    const ID_OF_CI: &str = "000000000000f11e8k19y4p8q5ysj77g";
    const DIGEST_OF_S: &str = "b8d4d1316e1e2fac56d723fe4b2087b7b548c9c80ff77e31dd3d043ffea3b7b6";

    #[test]
    fn ids_depend_on_kind_and_name_and_have_a_head_of_their_own() {
        let pepper = Pepper::of_files();
        let ids = [
            ACCOUNT,
            of_key(&pepper, "ada"),
            of_user(&pepper, "ada"),
            of_user(&pepper, "bob"),
        ];
        for (number, id) in ids.iter().enumerate() {
            assert!(id.to_string().starts_with("000000000000f11e"), "{id}");
            assert!(is_of_file(id));
            assert!(!ids[..number].contains(id), "{id}");
        }
        assert!(!is_of_file(&Id::from_bytes([0; 20])));
    }

    // Tokens of one version must not end, or come to life again, when the process is updated.
    #[test]
    fn ids_and_digests_stay_the_same_in_all_versions() {
        let pepper = Pepper::of_files();
        let id = of_key(&pepper, "ci");
        assert_eq!(id.to_string(), ID_OF_CI);
        let digest: String = pepper
            .digest(&id, "s")
            .as_bytes()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(digest, DIGEST_OF_S);
    }
}
