//! `countersign key import` and `countersign key digest`.

use std::fmt::Display;
use std::future::ready;
use std::path::Path;

use countersign::directory::{Networks, PasswordHash, UserName};
use countersign::key::ImportedKey;
use countersign::registry::{Conflict, NewKey, Owner, RegistryError};
use countersign::time::Timestamp;
use countersign::{Scopes, Secret};
use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::Zeroizing;

use super::key::DigestArgs;
use super::report::Report;
use super::subject::Subject;
use super::{CommandResult, Context, input, password};
use crate::config::value;
use crate::error::CommandError;
use crate::ops::{Operations, OpsError};

const COLUMNS: &str = "id kind expires_at allow_from issuers account_id environment_id name scopes";

/// A line of a file of credentials: a key with `sha256` or `hmac_sha256`, or a user with `password_hash`.
#[derive(Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Line {
    name: String,
    scopes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hmac_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allow_from: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuers: Option<Vec<String>>,
}

/// A credential to import.
struct Import {
    credential: NewCredential,
    issuers: Vec<String>,
}

enum NewCredential {
    Key(NewKey, ImportedKey),
    User(UserName, PasswordHash, Scopes, Owner),
}

impl Line {
    /// Parses a line. An error repeats no value: any of them may be a secret.
    /// `pepper` is the version of the pepper of HMACs, if there is one.
    fn parse(line: &str, pepper: Option<u32>) -> Result<Import, String> {
        let line: Self = serde_json::from_str(line).map_err(|error| {
            format!(
                "expected a JSON object of `name`, `scopes`, `sha256`, `hmac_sha256` or `password_hash`, and optionally \
                 `account_id`, `environment_id`, `issuers`, and for keys `expires_at` and `allow_from` (column {})",
                error.column()
            )
        })?;
        let scopes = Scopes::from_list(line.scopes.iter().map(String::as_str));
        let scopes = scopes.map_err(|error| format!("scopes: {error}"))?;
        let owner = Owner {
            account: parsed("account_id", line.account_id.as_deref(), str::parse)?,
            environment: parsed("environment_id", line.environment_id.as_deref(), str::parse)?,
        };
        let by_sha256 = parsed("sha256", line.sha256.as_deref(), ImportedKey::from_sha256)?;
        let by_hmac = match (line.hmac_sha256.as_deref(), pepper) {
            (Some(_), None) => {
                return Err(
                    "hmac_sha256: its key is missing: name its file with `--hmac-key`".to_owned(),
                );
            }
            (hmac, pepper) => parsed("hmac_sha256", hmac, |hex| {
                ImportedKey::from_hmac(hex, pepper.unwrap_or_default())
            })?,
        };
        let key = match (by_sha256, by_hmac) {
            (Some(_), Some(_)) => {
                return Err("expected either `sha256` or `hmac_sha256`".to_owned());
            }
            (by_sha256, by_hmac) => by_sha256.or(by_hmac),
        };
        let hash = parsed("password_hash", line.password_hash.as_deref(), str::parse)?;
        let expires_at = line.expires_at.as_deref();
        let expires_at = parsed("expires_at", expires_at, Timestamp::parse_rfc3339)?;
        let name = Some(&*line.name);
        let credential = match (key, hash) {
            (Some(key), None) => {
                let networks = line.allow_from.unwrap_or_default();
                let networks = Networks::from_list(networks.iter().map(String::as_str));
                let networks = networks.map_err(|error| format!("allow_from: {error}"))?;
                let name = parsed("name", name, value::name)?.unwrap_or_default();
                let mut new = NewKey::new(name, scopes).owner(owner).allow_from(networks);
                new.expires_at = expires_at;
                NewCredential::Key(new, key)
            }
            (None, Some(hash)) if expires_at.is_none() && line.allow_from.is_none() => {
                let name = parsed("name", name, str::parse)?.ok_or("name: missing")?;
                NewCredential::User(name, hash, scopes, owner)
            }
            (None, Some(_)) => {
                return Err("a user has no `expires_at` and no `allow_from`".to_owned());
            }
            _ => {
                return Err(
                    "expected either `sha256` or `hmac_sha256`, for a key, or `password_hash`, for a user"
                        .to_owned(),
                );
            }
        };
        Ok(Import {
            credential,
            issuers: line.issuers.unwrap_or_default(),
        })
    }
}

/// Parses an optional member. The error names it.
fn parsed<T, E: Display>(
    member: &str,
    value: Option<&str>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, String> {
    value
        .map(parse)
        .transpose()
        .map_err(|error| format!("{member}: {error}"))
}

/// Imports the credentials of a file, if no line has an error.
pub(super) async fn run(context: &Context, file: &Path, hmac_key: Option<&Path>) -> CommandResult {
    let name = file.display();
    let text = read(file)?;
    let text = text.expose();
    let (mut lines, mut errors) = (Vec::new(), Vec::new());
    for (number, line) in (1..).zip(text.lines()) {
        match Line::parse(line, hmac_key.map(|_| 0)) {
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
        let import = Line::parse(line, pepper).map_err(CommandError::new)?;
        let issuers = &import.issuers;
        let result = match import.credential {
            NewCredential::Key(new, key) => operations.import_key(new, issuers, key).await,
            NewCredential::User(name, hash, scopes, owner) => {
                let hash = ready(Ok::<_, OpsError>(hash));
                let user = operations.create_user(name, scopes, owner, issuers, hash);
                user.await
            }
        };
        match result {
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

/// Generates a key, and prints it with the line that imports it.
pub(super) fn digest(arguments: &DigestArgs) -> CommandResult {
    let key = password::generate_secret()?;
    let line = Line {
        name: arguments.name.clone(),
        scopes: arguments.scopes.iter().map(ToString::to_string).collect(),
        sha256: Some(ImportedKey::of(key.expose().as_bytes()).to_hex()),
        ..Line::default()
    };
    let text = format!(
        "key            {}\n\nThe key is shown only once. This line imports it, in a file for `countersign key import`:\n\n{}",
        key.expose(),
        serde_json::to_string(&line)?
    );
    Report::new(&json!({ "key": key.expose(), "line": line }), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_that_digest_prints_is_a_line_that_import_reads() {
        let arguments = DigestArgs {
            name: "ci".to_owned(),
            scopes: "calls:read wallet:*".parse().unwrap(),
        };
        assert!(digest(&arguments).is_ok());
        let line = r#"{"name":"ci","scopes":["a"],"sha256":"SHA","account_id":null}"#;
        let line = line.replace("SHA", &ImportedKey::of(b"x").to_hex());
        let read = Line::parse(&line, None).ok().unwrap();
        let NewCredential::Key(new, key) = read.credential else {
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
            let error = Line::parse(&format!("{{{members}}}"), None).err().unwrap();
            assert!(error.contains(part) && !error.contains("canary"), "{error}");
        }
    }
}
