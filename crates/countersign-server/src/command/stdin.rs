use std::io::{self, Read as _};

use countersign::Secret;
use zeroize::Zeroizing;

use crate::error::CommandError;

/// Reads a secret of at most `limit` bytes from standard input. `name` is its name in errors.
pub(super) fn read_secret(limit: u64, name: &str) -> Result<Secret, CommandError> {
    // The buffer must not grow while it is read: that would leave copies of the secret in memory.
    let capacity = usize::try_from(limit)
        .unwrap_or(usize::MAX)
        .saturating_add(1);
    let mut text = Zeroizing::new(String::with_capacity(capacity));
    io::stdin()
        .take(limit)
        .read_to_string(&mut text)
        .map_err(|error| CommandError::new(format!("cannot read the {name}: {error}")))?;
    Ok(Secret::from(text.trim().to_owned()))
}
