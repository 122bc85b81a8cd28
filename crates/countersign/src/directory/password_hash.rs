use std::str::FromStr;

use crate::secret::Secret;

/// The most memory of an Argon2id hash, in KiB, and the most passes over it and lanes.
const MAX_MEMORY_KIB: u64 = 64 * 1024;
const MAX_PASSES: u64 = 4;
const MAX_LANES: u64 = 4;
/// The largest cost of a bcrypt hash, which takes a quarter of a second.
const MAX_BCRYPT_COST: u32 = 12;
/// One round of bcrypt takes about as long as Argon2id takes for this many KiB.
const KIB_PER_BCRYPT_ROUND: u64 = 110;

/// The hash of a password: Argon2id as a PHC string (`$argon2id$v=…$m=…,t=…,p=…$<salt>$<hash>`), or bcrypt
/// (`$2b$<cost>$<salt and hash>`) of a user that was imported from another system. The cost is at most 64 MiB, four passes
/// and four lanes, or 12.
///
/// The type prevents that a password is stored in place of its hash.
///
/// ```
/// use countersign::directory::PasswordHash;
///
/// assert!("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA".parse::<PasswordHash>().is_ok());
/// let bcrypt = "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW";
/// assert!(bcrypt.parse::<PasswordHash>().is_ok());
/// assert!(bcrypt.replace("$12$", "$20$").parse::<PasswordHash>().is_err());
/// assert!("correct horse battery staple".parse::<PasswordHash>().is_err());
/// ```
#[derive(Clone, Debug)]
pub struct PasswordHash(Secret);

impl PasswordHash {
    /// Returns the PHC string, for a store. It does not authenticate, but guesses can be tested with it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl FromStr for PasswordHash {
    type Err = InvalidPasswordHash;

    fn from_str(text: &str) -> Result<Self, InvalidPasswordHash> {
        cost(text)
            .map(|_| Self(Secret::from(text.to_owned())))
            .ok_or(InvalidPasswordHash)
    }
}

/// Returns how long it takes to verify a password by this hash, in a unit that is the same for all hashes. Returns `None`
/// if the hash is of another form, or takes too long.
pub(crate) fn cost(hash: &str) -> Option<u64> {
    match hash.split('$').collect::<Vec<_>>().as_slice() {
        ["", "argon2id", version, parameters, salt, hash]
            if ![version, salt, hash].iter().any(|part| part.is_empty()) =>
        {
            let value = |name: &str| {
                let mut values = parameters
                    .split(',')
                    .filter_map(|one| one.strip_prefix(name));
                values.next()?.strip_prefix('=')?.parse::<u64>().ok()
            };
            let (memory, passes, lanes) = (value("m")?, value("t")?, value("p")?);
            let fits = memory <= MAX_MEMORY_KIB && passes <= MAX_PASSES && lanes <= MAX_LANES;
            fits.then_some(memory * passes)
        }
        ["", "2a" | "2b" | "2y", cost, rest] if rest.len() == 53 => {
            let cost: u32 = cost.parse().ok().filter(|cost| *cost <= MAX_BCRYPT_COST)?;
            Some(KIB_PER_BCRYPT_ROUND << cost)
        }
        _ => None,
    }
}

/// The text is not an Argon2id or bcrypt hash, or the hash takes too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the hash must have the form $argon2id$v=…$m=…,t=…,p=…$<salt>$<hash> with at most m=65536, t=4 and p=4, or \
     $2b$<cost>$<salt and hash> with a cost of at most 12"
)]
pub struct InvalidPasswordHash;
