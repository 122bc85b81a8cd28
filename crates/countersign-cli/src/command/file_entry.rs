//! Entries of the credentials files that programs with the library read.

use countersign::Scopes;
use countersign::file::generate_key;
use countersign::random::SystemRandom;
use serde_json::json;

use super::CommandResult;
use super::key::DigestArgs;
use super::report::{Report, fields};
use crate::error::CommandError;

/// Returns the entry of a key or a user, in TOML. `secret` is the name and the value of the setting with its digest or hash.
pub(super) fn entry(
    table: &str,
    name: &str,
    scopes: &Scopes,
    (setting, value): (&str, &str),
) -> Result<String, CommandError> {
    // JSON's strings, and lists of them, are TOML, too.
    let (name, scopes) = (serde_json::to_string(name)?, serde_json::to_string(scopes)?);
    let value = serde_json::to_string(value)?;
    Ok(format!(
        "[[{table}]]\nname = {name}\nscopes = {scopes}\n{setting} = {value}"
    ))
}

/// Generates a key with an id, and prints it with its entry.
pub(super) fn key_with_id(arguments: &DigestArgs) -> CommandResult {
    let DigestArgs { name, scopes, .. } = arguments;
    let key = generate_key(name, &SystemRandom)
        .map_err(|error| CommandError::new(format!("cannot generate a key: {error}")))?;
    let entry = entry("keys", name, scopes, ("digest", &key.digest))?;
    let response = json!({
        "key": key.issued.key.expose(),
        "id": key.id,
        "secret": key.issued.secret.expose(),
        "entry": entry,
    });
    let text = format!(
        "{}\n\nThe key is shown only once. This is its entry in the credentials file of a program:\n\n{entry}",
        fields(&response, "key id secret")?
    );
    Report::new(&response, text)
}
