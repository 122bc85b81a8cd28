//! The entries of a TOML file. `serde` is not used: its errors repeat values.

use std::fmt::Display;

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};

use super::entry::{Entry, EntryCredential};
use super::error::LineError;
use super::htpasswd::password_hash;
use crate::directory::Networks;
use crate::key::digest_from_hex;
use crate::scope::Scopes;
use crate::time::Timestamp;

/// The longest name of a key, in characters.
const MAX_NAME: usize = 128;

/// Reads the entries of a file.
pub(super) fn parse(text: &str) -> Result<Vec<Entry>, LineError> {
    let lines = &Lines::of(text);
    let document = DeTable::parse(text).map_err(|error| {
        let line = lines.number(error.span().map_or(0, |span| span.start));
        LineError::new(line, format!("invalid TOML: {}", error.message()))
    })?;
    let root = Table {
        lines,
        line: 1,
        values: document.get_ref(),
    };
    if root.values.is_empty() {
        return Err(root.error("neither `keys` nor `users`: `keys = []` says that there are none"));
    }
    root.check_names(&["keys", "users"])?;
    let keys = root.tables("keys")?.into_iter().map(|table| table.key());
    let users = root.tables("users")?.into_iter().map(|table| table.user());
    keys.chain(users).collect()
}

/// Where the lines of a text end. Counting the line breaks before every entry would take too long.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(memchr::memchr_iter(b'\n', text.as_bytes()).collect())
    }

    /// Returns the number of the line of a byte, from 1.
    fn number(&self, at: usize) -> usize {
        1 + self.0.partition_point(|end| *end < at)
    }
}

/// A table of the file.
struct Table<'t> {
    lines: &'t Lines,
    /// The line at which it begins.
    line: usize,
    values: &'t DeTable<'t>,
}

impl<'t> Table<'t> {
    fn key(&self) -> Result<Entry, LineError> {
        self.check_names(&[
            "name",
            "scopes",
            "digest",
            "sha256",
            "expires_at",
            "allow_from",
        ])?;
        let name = self.required("name", key_name)?;
        let digest = self.parsed("digest", digest_from_hex)?;
        let sha256 = self.parsed("sha256", digest_from_hex)?;
        self.entry(match (digest, sha256) {
            (Some(digest), None) => EntryCredential::Key { name, digest },
            (None, Some(sha256)) => EntryCredential::WholeKey { name, sha256 },
            _ => {
                let reason =
                    "expected either `digest` or `sha256`: `countersign key digest` prints them";
                return Err(self.error(reason));
            }
        })
    }

    fn user(&self) -> Result<Entry, LineError> {
        self.check_names(&[
            "name",
            "scopes",
            "password_hash",
            "expires_at",
            "allow_from",
        ])?;
        let name = self.required("name", str::parse)?;
        let hash = self.required("password_hash", password_hash)?;
        self.entry(EntryCredential::User(name, hash))
    }

    fn entry(&self, credential: EntryCredential) -> Result<Entry, LineError> {
        let scopes = self.list("scopes", |scopes| Scopes::from_list(scopes.iter().copied()))?;
        let missing = || self.error("scopes: missing: write `scopes = []` for none");
        let networks = |networks: &[&str]| Networks::from_list(networks.iter().copied());
        Ok(Entry {
            line: self.line,
            credential,
            scopes: scopes.ok_or_else(missing)?,
            expires_at: self.timestamp("expires_at")?,
            allow_from: self
                .list("allow_from", networks)?
                .unwrap_or(Networks::anywhere()),
        })
    }

    /// Checks that there are no other values than those of these names.
    fn check_names(&self, known: &[&str]) -> Result<(), LineError> {
        let mut names = self.values.iter().map(|(name, _)| name);
        let unknown = names.find(|name| !known.iter().any(|known| name.get_ref() == known));
        match unknown {
            None => Ok(()),
            Some(name) => {
                let reason = format!("unknown setting; known here: {}", known.join(", "));
                Err(LineError::new(self.lines.number(name.span().start), reason))
            }
        }
    }

    /// Reads an array of tables; none if it is missing.
    fn tables(&self, name: &str) -> Result<Vec<Self>, LineError> {
        let Some(value) = self.values.get(name) else {
            return Ok(Vec::new());
        };
        let expected = |at: &Spanned<DeValue<'_>>| {
            let reason = format!("{name}: expected a list of tables: begin each with `[[{name}]]`");
            LineError::new(self.line_of(at), reason)
        };
        let array = value.get_ref().as_array().ok_or_else(|| expected(value))?;
        let table = |value: &'t Spanned<DeValue<'t>>| -> Result<Self, LineError> {
            Ok(Self {
                lines: self.lines,
                line: self.line_of(value),
                values: value.get_ref().as_table().ok_or_else(|| expected(value))?,
            })
        };
        array.iter().map(table).collect()
    }

    /// Reads a string that may be missing.
    fn parsed<T, E: Display>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, LineError> {
        let Some(value) = self.values.get(name) else {
            return Ok(None);
        };
        let text = value.get_ref().as_str();
        let text = text.ok_or_else(|| self.error_in(name, value, "expected a string"))?;
        let parsed = parse(text).map_err(|reason| self.error_in(name, value, reason))?;
        Ok(Some(parsed))
    }

    fn required<T, E: Display>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, LineError> {
        let missing = || self.error(&format!("{name}: missing"));
        self.parsed(name, parse)?.ok_or_else(missing)
    }

    /// Reads a list of strings that may be missing.
    fn list<T, E: Display>(
        &self,
        name: &str,
        parse: impl FnOnce(&[&str]) -> Result<T, E>,
    ) -> Result<Option<T>, LineError> {
        let Some(value) = self.values.get(name) else {
            return Ok(None);
        };
        let items = value.get_ref().as_array();
        let strings = items.and_then(|items| {
            let strings = items.iter().map(|item| item.get_ref().as_str());
            strings.collect::<Option<Vec<_>>>()
        });
        let strings =
            strings.ok_or_else(|| self.error_in(name, value, "expected a list of strings"))?;
        let parsed = parse(&strings).map_err(|reason| self.error_in(name, value, reason))?;
        Ok(Some(parsed))
    }

    /// Reads a date and time, as a string or as TOML writes one.
    fn timestamp(&self, name: &str) -> Result<Option<Timestamp>, LineError> {
        let Some(value) = self.values.get(name) else {
            return Ok(None);
        };
        let parsed = match value.get_ref() {
            DeValue::Datetime(date_time) => Timestamp::parse_rfc3339(&date_time.to_string()),
            other => Timestamp::parse_rfc3339(other.as_str().unwrap_or_default()),
        };
        let parsed = parsed.map_err(|reason| self.error_in(name, value, reason))?;
        Ok(Some(parsed))
    }

    fn line_of(&self, value: &Spanned<DeValue<'_>>) -> usize {
        self.lines.number(value.span().start)
    }

    fn error(&self, reason: &str) -> LineError {
        LineError::new(self.line, reason)
    }

    fn error_in(
        &self,
        name: &str,
        value: &Spanned<DeValue<'_>>,
        reason: impl Display,
    ) -> LineError {
        LineError::new(self.line_of(value), format!("{name}: {reason}"))
    }
}

fn key_name(name: &str) -> Result<Box<str>, &'static str> {
    let fits =
        (1..=MAX_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    let error = "a name must have 1 to 128 characters, and no control characters";
    fits.then(|| name.into()).ok_or(error)
}
