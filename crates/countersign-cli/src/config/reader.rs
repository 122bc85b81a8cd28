//! Reads settings from a parsed TOML file and from environment variables, and collects all errors.
//!
//! `toml` parses the file, goes on after a syntax error, and gives the line of every key and value. What follows is
//! our own, because `serde` with `toml::Spanned`, `figment` and `config` stop at the first error, and read nothing
//! of a file with a syntax error. `humantime` would read `1M` as a month, and values such as `1h 1ms`.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use countersign::Secret;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Environment;
use super::error::{ConfigErrors, Location};

/// The file's text, the variables that were not read yet, and the errors so far.
struct Reader<'i> {
    text: &'i str,
    variables: RefCell<BTreeMap<String, Option<Secret>>>,
    /// The lines that are not TOML, counted from 1.
    unreadable: BTreeSet<usize>,
    errors: RefCell<Vec<(Location, String)>>,
}

/// One section of the file, which may be missing.
pub(super) struct Section<'r> {
    reader: &'r Reader<'r>,
    path: String,
    /// Where the section is named.
    location: Location,
    table: Option<&'r DeTable<'r>>,
    /// The settings that were read; all others are unknown.
    known: Vec<String>,
}

/// Reads `text` and the environment with `read`, which must read every setting that exists.
pub(super) fn read<T>(
    file: &str,
    text: &str,
    environment: Environment,
    read: impl FnOnce(&mut Section<'_>) -> T,
) -> Result<T, ConfigErrors> {
    let (root, syntax_errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader {
        text,
        variables: RefCell::new(environment.0),
        unreadable: BTreeSet::new(),
        errors: RefCell::default(),
    };
    for error in syntax_errors {
        let line = reader.line(error.span().map_or(0, |span| span.start));
        // A line can have several syntax errors: the first is enough.
        if reader.unreadable.insert(line) {
            let text = format!("invalid TOML: {}", error.message());
            reader.errors.get_mut().push((Location::Line(line), text));
        }
    }
    let mut root = Section {
        reader: &reader,
        path: String::new(),
        location: Location::File,
        table: Some(root.get_ref()),
        known: Vec::new(),
    };
    let settings = read(&mut root);
    root.close();
    for name in reader.variables.take().into_keys() {
        let text = "unknown variable: remove or correct it; known are COUNTERSIGN_MASTER_KEY, and \
                    COUNTERSIGN_<SECTION>__<NAME> for settings of [server], [store] and [log] that are not lists";
        reader.report(Location::Variable(name), text.to_owned());
    }
    match reader.errors.into_inner() {
        errors if errors.is_empty() => Ok(settings),
        errors => Err(ConfigErrors::new(file, errors)),
    }
}

impl Reader<'_> {
    fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        1 + before.iter().filter(|&&b| b == b'\n').count()
    }

    /// Adds an error, unless it only follows from a line that is not TOML: the parser puts what follows a bad
    /// section header into another section.
    fn report(&self, location: Location, text: String) {
        if let Location::Line(line) = location {
            let lines = self.text.lines().zip(1..=line);
            let header = lines.filter(|(text, _)| text.starts_with('[')).last();
            let header = header.map_or(1, |(_, line)| line);
            if self.unreadable.contains(&line) || self.unreadable.contains(&header) {
                return;
            }
        }
        self.errors.borrow_mut().push((location, text));
    }
}

impl<'r> Section<'r> {
    /// Reads a section below this one. Settings that `read` does not read are unknown.
    pub(super) fn section<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let mut section = Section {
            reader: self.reader,
            path: self.path_of(key),
            location: self.locate(&[key]).unwrap_or(self.location.clone()),
            table: self.get(key, |value| {
                value.as_table().ok_or_else(|| wrong("a section", value))
            }),
            known: Vec::new(),
        };
        let settings = read(&mut section);
        section.close();
        settings
    }

    /// Reads a list of sections, `[[key]]`. Settings that `read` does not read are unknown.
    pub(super) fn sections<T>(
        &mut self,
        key: &str,
        mut read: impl FnMut(&mut Self) -> T,
    ) -> Vec<T> {
        let items = self.get(key, |value| match value {
            DeValue::Array(items) => Ok(items),
            _ => Err(wrong("a list of sections", value)),
        });
        let mut list = Vec::new();
        for item in items.into_iter().flat_map(|items| items.iter()) {
            let Some(table) = item.get_ref().as_table() else {
                self.error_at(item.span().start, key, &wrong("a section", item.get_ref()));
                continue;
            };
            let mut section = Section {
                reader: self.reader,
                path: self.path_of(key),
                location: Location::Line(self.reader.line(item.span().start)),
                table: Some(table),
                known: Vec::new(),
            };
            list.push(read(&mut section));
            section.close();
        }
        list
    }

    /// Reads a setting with `parse`, whose error says what the value should be.
    pub(super) fn get<T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&'r DeValue<'r>) -> Result<T, String>,
    ) -> Option<T> {
        self.known.push(key.to_owned());
        let value = self.table?.get(key)?;
        parse(value.get_ref())
            .map_err(|text| self.error(key, &text))
            .ok()
    }

    /// Reads a string with `parse`.
    pub(super) fn text<T>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.get(key, string(parse))
    }

    /// Reads a setting that an environment variable can set, too. The variable wins; an error in the value that it
    /// replaces is an error all the same.
    pub(super) fn scalar<T>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let in_file = self.text(key, &parse);
        let name = format!("COUNTERSIGN_{}__{key}", self.path).to_ascii_uppercase();
        let variable = self.variable(&name, |value| parse(value.expose()));
        variable.or(in_file)
    }

    /// Reads an environment variable.
    pub(super) fn variable<T>(
        &self,
        name: &str,
        parse: impl FnOnce(Secret) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.reader.variables.borrow_mut().remove(name)?;
        let value = value.ok_or_else(|| "not UTF-8".to_owned());
        let report = |text| {
            self.reader
                .report(Location::Variable(name.to_owned()), text)
        };
        value.and_then(parse).map_err(report).ok()
    }

    /// Returns whether an environment variable is set that was not read yet.
    pub(super) fn has_variable(&self, name: &str) -> bool {
        self.reader.variables.borrow().contains_key(name)
    }

    /// Reads a list of strings, and reports every item that `parse` does not accept.
    pub(super) fn list<T>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let items = self.get(key, |value| match value {
            DeValue::Array(items) => Ok(items),
            _ => Err(wrong("a list of strings", value)),
        })?;
        let mut list = Vec::new();
        for item in items.iter() {
            match string(&parse)(item.get_ref()) {
                Ok(value) => list.push(value),
                Err(text) => self.error_at(item.span().start, key, &text),
            }
        }
        Some(list)
    }

    /// Reads a list of at least one string; a single string can be written without the brackets.
    pub(super) fn string_or_list<T>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        match self.table?.get(key).map(Spanned::get_ref) {
            Some(DeValue::String(_)) => self.text(key, parse).map(|one| vec![one]),
            Some(DeValue::Array(items)) if !items.is_empty() => self.list(key, parse),
            _ => self.get(key, |value| match value {
                DeValue::Array(_) => {
                    Err("expected at least one string: add one, or remove the setting".to_owned())
                }
                _ => Err(wrong("a string or a list of strings", value)),
            }),
        }
    }

    /// Returns whether the file has a setting.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// Returns the names in this section, in alphabetical order.
    pub(super) fn keys(&self) -> Vec<String> {
        let table = self.table.into_iter().flatten();
        table.map(|(key, _)| key.get_ref().to_string()).collect()
    }

    /// Returns where the setting or section at a path below this section is.
    pub(super) fn locate(&self, path: &[&str]) -> Option<Location> {
        let (last, sections) = path.split_last()?;
        let table = sections.iter().try_fold(self.table?, |table, key| {
            table.get(*key)?.get_ref().as_table()
        })?;
        let (key, value) = table.get_key_value(*last)?;
        let span = match value.get_ref() {
            DeValue::Table(_) => key.span(),
            _ => value.span(),
        };
        Some(Location::Line(self.reader.line(span.start)))
    }

    /// Reports an error in a setting, or in this section if the file does not have the setting.
    pub(super) fn error(&self, key: &str, text: &str) {
        let location = self.locate(&[key]).unwrap_or(self.location.clone());
        self.report(location, &self.path_of(key), text);
    }

    /// Reports an error in the setting or section of this full name.
    pub(super) fn report(&self, location: Location, name: &str, text: &str) {
        self.reader.report(location, format!("{name}: {text}"));
    }

    /// Reports an error outside the file.
    pub(super) fn error_in_variable(&self, name: &str, text: &str) {
        let location = Location::Variable(name.to_owned());
        self.reader.report(location, text.to_owned());
    }

    fn error_at(&self, at: usize, key: &str, text: &str) {
        let location = Location::Line(self.reader.line(at));
        self.report(location, &self.path_of(key), text);
    }

    /// Reports settings that were not read.
    fn close(self) {
        for (key, _) in self.table.into_iter().flatten() {
            let name = key.get_ref();
            if !self.known.iter().any(|known| known == name) {
                let text = format!("unknown setting; known here: {}", self.known.join(", "));
                self.error_at(key.span().start, name, &text);
            }
        }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

/// Parses a string with `parse`.
fn string<'r, T>(
    parse: impl Fn(&str) -> Result<T, String>,
) -> impl Fn(&'r DeValue<'r>) -> Result<T, String> {
    move |value| parse(value.as_str().ok_or_else(|| wrong("a string", value))?)
}

/// Parses `true` or `false`.
pub(super) fn boolean(value: &DeValue<'_>) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| wrong("true or false", value))
}

/// Parses a whole number. A number that is too large for `i64` is the largest one, and so above every limit.
pub(super) fn number(value: &DeValue<'_>) -> Result<i64, String> {
    match value {
        DeValue::Integer(number) => {
            Ok(i64::from_str_radix(number.as_str(), number.radix()).unwrap_or(i64::MAX))
        }
        _ => Err(wrong("a whole number", value)),
    }
}

fn wrong(expected: &str, found: &DeValue<'_>) -> String {
    let found = match found {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    };
    format!("expected {expected}, found {found}")
}
