use std::str::FromStr;

use base64::Engine as _;
use base64::alphabet::BCRYPT;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD_NO_PAD as B64};

use crate::secret::Secret;

/// The most memory of an Argon2id hash, in KiB, and the most passes over it and lanes.
const MAX_MEMORY_KIB: u64 = 64 * 1024;
const MAX_PASSES: u64 = 4;
const MAX_LANES: u64 = 4;
/// The largest cost of a bcrypt hash, which takes a quarter of a second.
const MAX_BCRYPT_COST: u64 = 12;
/// One round of bcrypt takes about as long as Argon2id takes for this many KiB.
const KIB_PER_BCRYPT_ROUND: u64 = 110;
const BCRYPT_B64: GeneralPurpose = GeneralPurpose::new(&BCRYPT, NO_PAD);

/// The hash of a password: Argon2id as a PHC string (`$argon2id$v=…$m=…,t=…,p=…$<salt>$<hash>`), or bcrypt
/// (`$2b$<cost>$<salt and hash>`) of a user that was imported from another system. The cost is at most 64 MiB, four passes
/// and four lanes, or 12.
///
/// The type prevents that a password is stored in place of its hash.
///
/// ```
/// use countersign::directory::PasswordHash;
///
/// assert!("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo".parse::<PasswordHash>().is_ok());
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
/// if the hash is not one that can be verified, or if it takes too long.
///
/// The most expensive hash in use is computed for every unknown user, so that nothing may be accepted here that fails later,
/// or that costs more than was read here.
pub(crate) fn cost(hash: &str) -> Option<u64> {
    match *hash.split('$').collect::<Vec<_>>() {
        ["", "argon2id", "v=19" | "v=16", parameters, salt, hash] => {
            let lengths = (decoded(&B64, salt)?, decoded(&B64, hash)?);
            let fits = (8..=48).contains(&lengths.0) && (10..=64).contains(&lengths.1);
            fits.then(|| argon2id_cost(parameters)).flatten()
        }
        ["", "2a" | "2b" | "2y", cost, rest] => {
            let (salt, hash) = rest.split_at_checked(22)?;
            let lengths = (decoded(&BCRYPT_B64, salt)?, decoded(&BCRYPT_B64, hash)?);
            let cost = number(cost, 2)
                .filter(|_| cost.len() == 2)
                .filter(|cost| (4..=MAX_BCRYPT_COST).contains(cost))?;
            (lengths == (16, 23)).then_some(KIB_PER_BCRYPT_ROUND << cost)
        }
        _ => None,
    }
}

/// Returns the cost by the parameters of Argon2id, which are `m`, `t` and `p`, each once. A repeated one would be read
/// differently here and by the function that computes the hash.
fn argon2id_cost(parameters: &str) -> Option<u64> {
    let mut values = [None; 3];
    for parameter in parameters.split(',') {
        let (name, value) = parameter.split_once('=')?;
        let place = match name {
            "m" => &mut values[0],
            "t" => &mut values[1],
            "p" => &mut values[2],
            _ => return None,
        };
        if place.replace(number(value, 10)?).is_some() {
            return None;
        }
    }
    let [Some(memory), Some(passes), Some(lanes)] = values else {
        return None;
    };
    let fits = (8 * lanes..=MAX_MEMORY_KIB).contains(&memory)
        && (1..=MAX_PASSES).contains(&passes)
        && (1..=MAX_LANES).contains(&lanes);
    fits.then_some(memory * passes)
}

/// Parses a decimal number of at most this many digits.
fn number(text: &str, digits: usize) -> Option<u64> {
    let is_number = text.len() <= digits && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// Returns the number of bytes that are encoded in Base64 without padding.
fn decoded(encoding: &GeneralPurpose, text: &str) -> Option<usize> {
    encoding.decode(text).ok().map(|bytes| bytes.len())
}

/// The text is not an Argon2id or bcrypt hash, or the hash takes too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the hash must have the form $argon2id$v=…$m=…,t=…,p=…$<salt>$<hash> with at most m=65536, t=4 and p=4, or \
     $2b$<cost>$<salt and hash> with a cost of at most 12"
)]
pub struct InvalidPasswordHash;
