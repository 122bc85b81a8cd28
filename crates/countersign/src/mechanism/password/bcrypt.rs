//! Hashes of users that were imported from another system.

use super::PasswordError;

/// bcrypt reads no more of a password, in bytes.
const MAX_LENGTH: usize = 72;

/// Returns whether the password matches the hash, or `None` if it is not a bcrypt hash. A password of more than 72 bytes
/// never matches: bcrypt would ignore the rest of it.
pub(super) fn verify(password: &str, hash: &str) -> Option<Result<bool, PasswordError>> {
    if !hash.starts_with("$2") {
        return None;
    }
    let password = password.as_bytes();
    let read = password.get(..MAX_LENGTH).unwrap_or(password);
    let matches = ::bcrypt::verify(read, hash).map_err(|_| PasswordError);
    Some(matches.map(|matches| matches && read.len() == password.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bcrypt_hash_of_another_system_is_verified() {
        // Python: bcrypt.hashpw(b"abc123xyz", b"$2b$12$R9h/cIPz0gi.URNNX3kh2O")
        let hash = "$2a$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW";
        assert_eq!(verify("abc123xyz", hash), Some(Ok(true)));
        assert_eq!(verify("abc123xy", hash), Some(Ok(false)));
        assert_eq!(
            verify("abc123xyz", "$argon2id$v=19$m=8,t=1,p=1$YQ$YQ"),
            None
        );
        assert_eq!(
            verify("abc123xyz", "$2b$12$short"),
            Some(Err(PasswordError))
        );
    }

    #[test]
    fn password_of_more_than_72_bytes_never_matches() {
        let longest = "a".repeat(MAX_LENGTH);
        let hash = ::bcrypt::hash_with_salt(&longest, 4, [7; 16]).unwrap();
        let hash = hash.format_for_version(::bcrypt::Version::TwoB);
        assert_eq!(verify(&longest, &hash), Some(Ok(true)));
        assert_eq!(verify(&format!("{longest}a"), &hash), Some(Ok(false)));
    }
}
