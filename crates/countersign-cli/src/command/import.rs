//! `countersign key import` and `countersign key digest`.

use std::fmt::Display;
use std::path::Path;

use countersign::Secret;
use countersign::key::ImportedKey;
use countersign::registry::{Conflict, RegistryError};
use serde_json::json;
use zeroize::Zeroizing;

use super::file_entry;
use super::key::DigestArgs;
use super::report::Report;
use super::subject::Subject;
use super::{CommandResult, Context, input, password};
use crate::error::CommandError;
use crate::ops::{Import, ImportRequest, Operations, OpsError};

const COLUMNS: &str = "id kind expires_at allow_from issuers account_id environment_id name scopes";

/// Parses a line.
fn parse(line: &str, pepper: Option<u32>) -> Result<Import, String> {
    let request: ImportRequest = serde_json::from_str(line).map_err(|error| {
        format!(
            "expected a JSON object of `name`, `scopes`, `sha256`, `hmac_sha256` or `password_hash`, and optionally \
             `account_id`, `environment_id`, `issuers`, and for keys `expires_at` and `allow_from` (column {})",
            error.column()
        )
    })?;
    request.check(pepper)
}

/// Imports the credentials of a file, if no line has an error.
pub(super) async fn run(context: &Context, file: &Path, hmac_key: Option<&Path>) -> CommandResult {
    let name = file.display();
    let text = read(file)?;
    let text = text.expose();
    let (mut lines, mut errors) = (Vec::new(), Vec::new());
    for (number, line) in (1..).zip(text.lines()) {
        match parse(line, hmac_key.map(|_| 0)) {
            _ if line.trim().is_empty() => {}
            Ok(_) => lines.push((number, line)),
            Err(error) => errors.push(format!("{name}:{number}: {error}")),
        }
    }
    if !errors.is_empty() {
        let text = errors.join("\n");
        return Ok(Report::new(&json!({ "errors": errors }), text)?.into_error());
    }
    let operations = context.operations().await?;
    let pepper = match hmac_key {
        Some(hmac_key) => Some(import_pepper(operations, hmac_key).await?),
        None => None,
    };
    let (mut imported, mut known) = (Vec::new(), 0);
    for (number, line) in lines {
        let import = parse(line, pepper).map_err(CommandError::new)?;
        match operations.import(import).await {
            Ok(credential) => imported.push(credential),
            Err(OpsError::Registry(
                RegistryError::Conflict(Conflict::AlreadyImported) | RegistryError::NameTaken,
            )) => known += 1,
            Err(error) => {
                let error = Subject::Owner.error(error);
                return Err(CommandError::new(format!(
                    "{name}:{number}: {error}; the lines before it were imported: correct it, and run the command again"
                )));
            }
        }
    }
    let response = json!({ "imported": imported, "already_present": known });
    let report = Report::of_table(&response, &imported, COLUMNS, "no credential is new")?;
    Ok(report.with_note(&format!(
        "{} credentials were imported. {known} keys had been imported before, or user names were taken.",
        imported.len()
    )))
}

fn read(file: &Path) -> Result<Secret, CommandError> {
    let name = file.display();
    let unreadable =
        |error: &dyn Display| CommandError::new(format!("cannot read `{name}`: {error}"));
    let bytes = Zeroizing::new(std::fs::read(file).map_err(|error| unreadable(&error))?);
    let text = input::decode(&bytes).map_err(|error| unreadable(&error))?;
    Ok(Secret::from(text.to_owned()))
}

/// Stores the HMAC key in a file, without the line break at its end.
async fn import_pepper(operations: &Operations, file: &Path) -> Result<u32, CommandError> {
    let text = read(file)?;
    let key = text.expose().trim_end_matches(['\r', '\n']);
    if key.len() < 16 {
        let name = file.display();
        return Err(CommandError::new(format!(
            "the key in `{name}` is shorter than 16 bytes"
        )));
    }
    Ok(operations
        .import_pepper(&Secret::from(key.to_owned()))
        .await?)
}

/// Generates a key, and prints it with the line that imports it, and with its entry in a credentials file.
pub(super) fn digest(arguments: &DigestArgs) -> CommandResult {
    let key = password::generate_secret()?;
    let sha256 = ImportedKey::of(key.expose().as_bytes()).to_hex();
    let (name, scopes) = (&arguments.name, &arguments.scopes);
    let entry = file_entry::entry("keys", name, scopes, ("sha256", &sha256))?;
    let line = ImportRequest {
        name: name.clone(),
        scopes: scopes.iter().map(ToString::to_string).collect(),
        sha256: Some(sha256),
        ..ImportRequest::default()
    };
    let text = format!(
        "key            {}\n\nThe key is shown only once. This line imports it, in a file for `countersign key import`:\n\n{}\n\n\
         This is its entry in the credentials file of a program:\n\n{entry}",
        key.expose(),
        serde_json::to_string(&line)?
    );
    Report::new(
        &json!({ "key": key.expose(), "line": line, "entry": entry }),
        text,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::ImportedCredential;

    #[test]
    fn line_that_digest_prints_is_a_line_that_import_reads() {
        let arguments = DigestArgs {
            name: "ci".to_owned(),
            scopes: "calls:read wallet:*".parse().unwrap(),
            with_id: false,
        };
        assert!(digest(&arguments).is_ok());
        let line = r#"{"name":"ci","scopes":["a"],"sha256":"SHA","account_id":null}"#;
        let line = line.replace("SHA", &ImportedKey::of(b"x").to_hex());
        let read = parse(&line, None).ok().unwrap();
        let ImportedCredential::Key(new, key) = read.credential else {
            panic!("the line has a key");
        };
        assert_eq!(new.scopes.as_str(), "a");
        assert_eq!(key.to_hex(), ImportedKey::of(b"x").to_hex());
    }

    #[test]
    fn error_in_a_line_names_the_member_and_repeats_no_value() {
        let sha256 = "0".repeat(64);
        for (members, part) in [
            (
                r#""name":"a","scopes":["a"],"sha256":"canary""#.to_owned(),
                "sha256: ",
            ),
            (
                format!(r#""name":"a","scopes":["canary canary"],"sha256":"{sha256}""#),
                "scopes: ",
            ),
            (
                format!(r#""name":"","scopes":["a"],"sha256":"{sha256}""#),
                "name: ",
            ),
            (
                format!(r#""name":"a","scopes":"canary","sha256":"{sha256}""#),
                "column ",
            ),
            (
                format!(r#""name":"a","canary":1,"sha256":"{sha256}""#),
                "column ",
            ),
            (
                format!(r#""name":"a","scopes":[],"expires_at":"canary","sha256":"{sha256}""#),
                "expires_at: ",
            ),
            (
                r#""name":"a b","scopes":[],"password_hash":"canary""#.to_owned(),
                "password_hash: ",
            ),
            (r#""name":"a","scopes":["a"]"#.to_owned(), "either"),
        ] {
            let error = parse(&format!("{{{members}}}"), None).err().unwrap();
            assert!(error.contains(part) && !error.contains("canary"), "{error}");
        }
    }
}
