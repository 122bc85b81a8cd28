use super::entry::{Entry, EntryCredential};
use super::error::LineError;
use crate::directory::{Networks, PasswordHash, UserName};
use crate::scope::Scopes;

/// How hashes of other kinds begin, and what they are.
const OTHER_HASHES: [(&str, &str); 8] = [
    ("{SHA}", "SHA-1 without a salt"),
    ("{SSHA}", "SHA-1"),
    ("{PLAIN}", "plain text"),
    ("$apr1$", "MD5 (apr1)"),
    ("$1$", "MD5"),
    ("$5$", "SHA-256 (crypt)"),
    ("$6$", "SHA-512 (crypt)"),
    ("$argon2", "another variant of Argon2 than Argon2id"),
];

/// Reads the users of an htpasswd file, who all have these scopes.
pub(super) fn parse(text: &str, scopes: &Scopes) -> Result<Vec<Entry>, LineError> {
    let lines = (1..).zip(text.lines());
    let lines = lines.filter(|(_, text)| !text.trim().is_empty() && !text.starts_with('#'));
    let entry = |(line, text): (usize, &str)| -> Result<Entry, LineError> {
        let error = |reason: &str| LineError::new(line, reason);
        let mut fields = text.split(':');
        let (Some(name), Some(hash)) = (fields.next(), fields.next()) else {
            return Err(error(
                "expected `<name>:<hash>`, as `htpasswd -B` writes it",
            ));
        };
        let name: Result<UserName, _> = name.parse();
        let name = name.map_err(|reason| LineError::new(line, reason))?;
        let hash = password_hash(hash.trim_end()).map_err(|reason| error(&reason))?;
        Ok(Entry {
            line,
            credential: EntryCredential::User(name, hash),
            scopes: scopes.clone(),
            expires_at: None,
            allow_from: Networks::anywhere(),
        })
    };
    lines.map(entry).collect()
}

/// Reads a password hash. The error says what it is instead, and what to do.
pub(super) fn password_hash(text: &str) -> Result<PasswordHash, String> {
    let advice = "write bcrypt with `htpasswd -B -C 10`, or Argon2id with `countersign user hash`";
    if let Ok(hash) = text.parse() {
        return Ok(hash);
    }
    let is_accepted_kind = text.starts_with("$2") || text.starts_with("$argon2id$");
    let other = OTHER_HASHES
        .iter()
        .find(|(prefix, _)| text.starts_with(prefix));
    Err(match other {
        _ if is_accepted_kind => {
            "the hash is incomplete, or takes too long: the cost of bcrypt is at most 12, and the parameters of Argon2id are at \
             most m=65536, t=4 and p=4"
                .to_owned()
        }
        Some((_, kind)) => format!("the hash is {kind}, which is not accepted: {advice}"),
        None => format!("the hash is `crypt`, plain text or of an unknown kind: {advice}"),
    })
}
