use std::sync::{Mutex, PoisonError};

use argon2::password_hash::phc::{Output, ParamsString, Salt};
use argon2::{Algorithm, Argon2, Block, Params, PasswordHash, Version};
use subtle::ConstantTimeEq as _;

use super::PasswordError;
use crate::directory;
use crate::directory::password_hash::cost;
use crate::random::Random;

/// OWASP's Argon2id parameters: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Computes and verifies Argon2id hashes, in memory that is reused.
pub(super) struct Argon2id {
    memory: Mutex<Vec<Vec<Block>>>,
    params: Params,
}

impl Argon2id {
    pub(super) fn new() -> Result<Self, PasswordError> {
        Ok(Self {
            memory: Mutex::default(),
            params: Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| PasswordError)?,
        })
    }

    /// Returns whether a hash was computed with these parameters.
    pub(super) fn is_own(&self, hash: &str) -> bool {
        let params = &self.params;
        let (memory, passes, lanes) = (params.m_cost(), params.t_cost(), params.p_cost());
        hash.starts_with(&format!("$argon2id$v=19$m={memory},t={passes},p={lanes}$"))
    }

    /// Computes a new hash, as a PHC string.
    pub(super) fn hash(
        &self,
        password: &str,
        random: &dyn Random,
    ) -> Result<directory::PasswordHash, PasswordError> {
        let mut salt = [0; 16];
        random.fill(&mut salt).map_err(|_| PasswordError)?;
        let mut out = [0; Params::DEFAULT_OUTPUT_LEN];
        self.compute(&self.params, password, &salt, &mut out)?;
        let hash = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&self.params).map_err(|_| PasswordError)?,
            salt: Some(Salt::new(&salt).map_err(|_| PasswordError)?),
            hash: Some(Output::new(&out).map_err(|_| PasswordError)?),
        };
        hash.to_string().parse().map_err(|_| PasswordError)
    }

    #[cfg(test)]
    pub(super) fn buffers(&self) -> usize {
        self.memory.lock().unwrap().len()
    }

    /// Returns whether the password matches the PHC string, computed with the parameters in it.
    pub(super) fn verify(&self, password: &str, hash: &str) -> Result<bool, PasswordError> {
        let cost = cost(hash).ok_or(PasswordError)?;
        let hash = PasswordHash::new(hash).map_err(|_| PasswordError)?;
        let params = Params::try_from(&hash).map_err(|_| PasswordError)?;
        let (Some(salt), Some(stored)) = (hash.salt, hash.hash) else {
            return Err(PasswordError);
        };
        // What is computed must be what was bounded.
        let computed = u64::from(params.m_cost()) * u64::from(params.t_cost());
        if hash.algorithm != Algorithm::Argon2id.ident() || computed != cost {
            return Err(PasswordError);
        }
        let mut out = [0; Output::MAX_LENGTH];
        let out = out.get_mut(..stored.len()).ok_or(PasswordError)?;
        self.compute(&params, password, &salt, out)?;
        Ok(stored.as_bytes().ct_eq(out).into())
    }

    /// Computes as much as a hash of this cost takes.
    pub(super) fn spend(&self, cost: u64) -> Result<(), PasswordError> {
        let memory = u64::from(MEMORY_KIB);
        for (memory, passes) in [(memory, cost / memory), (cost % memory, 1)] {
            let number = |number: u64| u32::try_from(number).map_err(|_| PasswordError);
            // Argon2id needs 8 KiB, and at least one pass (RFC 9106 §3.1).
            if memory >= 8 && passes > 0 {
                let params = Params::new(number(memory)?, number(passes)?, 1, None);
                let params = params.map_err(|_| PasswordError)?;
                self.compute(&params, "", &[0; 16], &mut [0; Params::DEFAULT_OUTPUT_LEN])?;
            }
        }
        Ok(())
    }

    fn compute(
        &self,
        params: &Params,
        password: &str,
        salt: &[u8],
        out: &mut [u8],
    ) -> Result<(), PasswordError> {
        let memory = || self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let mut blocks = memory().pop().unwrap_or_default();
        if blocks.len() < params.block_count() {
            blocks.resize(params.block_count(), Block::new());
        }
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        let used = blocks.get_mut(..params.block_count()).unwrap_or_default();
        let result = argon2.hash_password_into_with_memory(password.as_bytes(), salt, out, used);
        memory().push(blocks);
        result.map_err(|_| PasswordError)
    }
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::PasswordVerifier as _;

    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn hash_is_a_phc_string_that_the_crate_argon2_verifies() {
        let argon2id = Argon2id::new().unwrap();
        let hash = argon2id.hash("correct horse", &SystemRandom).unwrap();
        let hash = hash.expose();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        let verify = |password: &[u8]| Argon2::default().verify_password(password, hash);
        assert!(verify(b"correct horse").is_ok());
        assert!(verify(b"wrong horse").is_err());
        assert_eq!(argon2id.verify("correct horse", hash), Ok(true));
        assert_eq!(argon2id.verify("wrong horse", hash), Ok(false));
    }

    #[test]
    fn hash_of_another_algorithm_is_an_error() {
        let argon2id = Argon2id::new().unwrap();
        // Another variant of RFC 9106 with the same password is another hash, and plain text is no hash.
        let hash = argon2id.hash("x", &SystemRandom).unwrap();
        let other = hash.expose().replacen("argon2id", "argon2i", 1);
        for stored in [&other, "x", ""] {
            assert!(argon2id.verify("x", stored).is_err(), "{stored}");
        }
    }

    #[test]
    fn memory_of_a_hash_is_reused_for_the_next() {
        let argon2id = Argon2id::new().unwrap();
        for _ in 0..3 {
            argon2id.hash("x", &SystemRandom).unwrap();
        }
        assert_eq!(argon2id.buffers(), 1);
    }
}
