use std::fmt::Write as _;

use super::ids;
use crate::id::Id;
use crate::key::{self, IssuedKey, KeyPrefix, Pepper};
use crate::random::{Random, RandomError};

/// A new API key, and what a credentials file has of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GeneratedKey {
    /// The id, which follows from the name.
    pub id: Id,
    /// The key and its secret.
    pub issued: IssuedKey,
    /// The value of `digest` in the entry of the key.
    pub digest: String,
}

/// Generates an API key with the prefix `cs`, for an entry with this name.
///
/// # Errors
///
/// [`RandomError`] if the generator failed.
pub fn generate_key(name: &str, random: &dyn Random) -> Result<GeneratedKey, RandomError> {
    let pepper = Pepper::of_files();
    let id = ids::of_key(&pepper, name);
    let issued = key::generate(&KeyPrefix::default(), &id, random)?;
    let mut digest = String::new();
    for byte in pepper.digest(&id, issued.secret.expose()).as_bytes() {
        let _ = write!(digest, "{byte:02x}");
    }
    Ok(GeneratedKey { id, issued, digest })
}
