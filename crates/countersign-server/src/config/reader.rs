//! Walks a parsed TOML file by hand, so that one mistake does not hide the next, and lays the environment
//! over it.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::environment::Environment;
use super::mistake::{Mistake, Mistakes, Place};
use super::value::Expected;

/// The file's text and the variables, and what was found wrong with them so far.
pub(super) struct Reader<'i> {
    file: String,
    text: &'i str,
    variables: BTreeMap<String, String>,
    /// Lines that are not TOML.
    unreadable: Vec<Place>,
    mistakes: Vec<Mistake>,
}

/// One section, from which every known key is taken; what is left at the end is unknown.
pub(super) struct Section<'i> {
    path: String,
    table: DeTable<'i>,
    known: Vec<String>,
}

/// A list where one value may stand for a list of one, or must not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Single {
    Allowed,
    Refused,
}

impl<'i> Reader<'i> {
    /// Parses `text`. Lines that are not TOML are mistakes; the rest of the file is read all the same.
    pub(super) fn new(
        file: String,
        text: &'i str,
        environment: Environment,
    ) -> (Self, Section<'i>) {
        let (root, errors) = DeTable::parse_recoverable(text);
        let mut reader = Self {
            file,
            text,
            variables: environment.scalars,
            unreadable: Vec::new(),
            mistakes: environment.mistakes,
        };
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            let place = reader.line(at);
            // A line can be wrong in several ways at once: the first says enough.
            if !reader.unreadable.contains(&place) {
                let text = format!("not TOML: {}", error.message());
                reader.mistakes.push(Mistake::new(place.clone(), text));
                reader.unreadable.push(place);
            }
        }
        let root = Section {
            path: String::new(),
            table: root.into_inner(),
            known: Vec::new(),
        };
        (reader, root)
    }

    /// A section below `parent`; an empty one where there is none.
    pub(super) fn section(&mut self, parent: &mut Section<'i>, key: &str) -> Section<'i> {
        let path = parent.path_of(key);
        let table = match parent.take(key) {
            None => DeTable::new(),
            Some(value) => {
                let at = value.span().start;
                match value.into_inner() {
                    DeValue::Table(table) => table,
                    other => {
                        self.wrong_type(at, &path, "a section", &other);
                        DeTable::new()
                    }
                }
            }
        };
        Section {
            path,
            table,
            known: Vec::new(),
        }
    }

    /// A scalar that an environment variable can set too. The variable wins; a mistake in what it covers is
    /// a mistake all the same.
    pub(super) fn scalar<T>(
        &mut self,
        section: &mut Section<'i>,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, Expected>,
    ) -> Option<T> {
        let in_file = self.text(section, key, &parse);
        let name = format!(
            "COUNTERSIGN_{}__{}",
            section.path.to_ascii_uppercase(),
            key.to_ascii_uppercase()
        );
        let Some(text) = self.variables.remove(&name) else {
            return in_file;
        };
        match parse(&text) {
            Ok(value) => Some(value),
            Err(expected) => {
                self.mistakes
                    .push(Mistake::new(Place::Variable(name), expected));
                in_file
            }
        }
    }

    /// A string of the file.
    pub(super) fn text<T>(
        &mut self,
        section: &mut Section<'i>,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, Expected>,
    ) -> Option<T> {
        let path = section.path_of(key);
        let value = section.take(key)?;
        self.string(&path, &value, parse)
    }

    /// `true` or `false`.
    pub(super) fn switch(&mut self, section: &mut Section<'i>, key: &'static str) -> Option<bool> {
        let path = section.path_of(key);
        let value = section.take(key)?;
        let found = value.get_ref().as_bool();
        if found.is_none() {
            self.wrong_type(value.span().start, &path, "true or false", value.get_ref());
        }
        found
    }

    /// A whole number of the file.
    pub(super) fn number<T>(
        &mut self,
        section: &mut Section<'i>,
        key: &'static str,
        parse: impl Fn(i64) -> Result<T, Expected>,
    ) -> Option<T> {
        let path = section.path_of(key);
        let value = section.take(key)?;
        let at = value.span().start;
        let DeValue::Integer(number) = value.get_ref() else {
            self.wrong_type(at, &path, "a whole number", value.get_ref());
            return None;
        };
        // What is too large for this is too large for anything.
        let number = i64::from_str_radix(number.as_str(), number.radix()).unwrap_or(i64::MAX);
        match parse(number) {
            Ok(value) => Some(value),
            Err(expected) => {
                let place = self.line(at);
                self.wrong(place, &path, &expected);
                None
            }
        }
    }

    /// A list of strings. All of them are looked at.
    pub(super) fn list<T>(
        &mut self,
        section: &mut Section<'i>,
        key: &'static str,
        single: Single,
        parse: impl Fn(&str) -> Result<T, Expected>,
    ) -> Option<Vec<T>> {
        let path = section.path_of(key);
        let value = section.take(key)?;
        match value.get_ref() {
            DeValue::Array(items) => Some(
                items
                    .iter()
                    .filter_map(|item| self.string(&path, item, &parse))
                    .collect(),
            ),
            DeValue::String(_) if single == Single::Allowed => {
                self.string(&path, &value, parse).map(|one| vec![one])
            }
            other => {
                let wanted = match single {
                    Single::Allowed => "a string or a list of strings",
                    Single::Refused => "a list of strings",
                };
                self.wrong_type(value.span().start, &path, wanted, other);
                None
            }
        }
    }

    /// Where a key stands, for what is wrong only in company.
    pub(super) fn place(&self, section: &Section<'i>, key: &str) -> Option<Place> {
        let value = section.table.get(key)?;
        Some(self.line(value.span().start))
    }

    /// Where the name of a key stands.
    pub(super) fn place_of_key(&self, section: &Section<'i>, key: &str) -> Option<Place> {
        let (key, _) = section.table.get_key_value(key)?;
        Some(self.line(key.span().start))
    }

    /// Where a list stands that has nothing in it.
    pub(super) fn place_of_nothing(&self, section: &Section<'i>, key: &str) -> Option<Place> {
        let list = section.table.get(key)?.get_ref().as_array()?;
        list.is_empty().then(|| self.place(section, key)).flatten()
    }

    /// Notes something that is wrong outside the file.
    pub(super) fn note(&mut self, mistake: Mistake) {
        self.mistakes.push(mistake);
    }

    /// Notes something that is wrong. What recovery made of a line that is not TOML is not worth a word.
    pub(super) fn wrong(&mut self, place: Place, path: &str, text: &str) {
        if !self.unreadable.contains(&place) {
            self.mistakes
                .push(Mistake::new(place, format!("{path}: {text}")));
        }
    }

    /// Takes a key that cannot be one here.
    pub(super) fn refuse(&mut self, section: &mut Section<'i>, key: &str, text: &str) {
        if let Some((key, _)) = section.table.remove_entry(key)
            && !self.is_astray(key.span().start)
        {
            let place = self.line(key.span().start);
            self.wrong(place, &section.path_of(key.get_ref()), text);
        }
    }

    /// Notes something that is wrong, and that no line says by itself.
    pub(super) fn wrong_somewhere(&mut self, path: &str, text: &str) {
        let place = Place::File(self.file.clone());
        self.wrong(place, path, text);
    }

    /// Ends a section: keys that nobody took are unknown.
    pub(super) fn close(&mut self, section: Section<'i>) {
        let Section { path, table, known } = section;
        let known = known.join(", ");
        for (key, _) in table {
            if self.is_astray(key.span().start) {
                continue;
            }
            let place = self.line(key.span().start);
            let path = join(&path, key.get_ref());
            self.wrong(place, &path, &format!("unknown; known here: {known}"));
        }
    }

    /// Whether the line that opens the section around `at` is not TOML, so that recovery has put what
    /// follows it into another section.
    fn is_astray(&self, at: usize) -> bool {
        let before = self.text.get(..at).unwrap_or_default();
        let header = before.rfind("\n[").map_or(0, |end| end + 1);
        self.unreadable.contains(&self.line(header))
    }

    /// Ends reading: variables that nobody took are unknown.
    pub(super) fn finish(mut self) -> Result<(), Mistakes> {
        for name in std::mem::take(&mut self.variables).into_keys() {
            let text = "unknown variable: COUNTERSIGN_MASTER_KEY and COUNTERSIGN_<SECTION>__<NAME> for \
                        the scalars of [server], [store] and [log] are known";
            self.mistakes
                .push(Mistake::new(Place::Variable(name), text));
        }
        if self.mistakes.is_empty() {
            Ok(())
        } else {
            Err(Mistakes::sorted(self.mistakes))
        }
    }

    fn string<T>(
        &mut self,
        path: &str,
        value: &Spanned<DeValue<'i>>,
        parse: impl Fn(&str) -> Result<T, Expected>,
    ) -> Option<T> {
        let at = value.span().start;
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(at, path, "a string", value.get_ref());
            return None;
        };
        match parse(text) {
            Ok(value) => Some(value),
            Err(expected) => {
                let place = self.line(at);
                self.wrong(place, path, &expected);
                None
            }
        }
    }

    fn wrong_type(&mut self, at: usize, path: &str, wanted: &str, found: &DeValue<'_>) {
        let place = self.line(at);
        let text = format!("expected {wanted}, found {}", kind(found));
        self.wrong(place, path, &text);
    }

    fn line(&self, at: usize) -> Place {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        let line = 1 + before.iter().filter(|&&b| b == b'\n').count();
        Place::Line(self.file.clone(), line)
    }
}

impl<'i> Section<'i> {
    fn take(&mut self, key: &str) -> Option<Spanned<DeValue<'i>>> {
        self.known.push(key.to_owned());
        self.table.remove(key)
    }

    /// The keys that nobody has taken yet, in the order of the alphabet.
    pub(super) fn keys(&self) -> Vec<String> {
        let keys = self.table.iter().map(|(key, _)| key.get_ref().to_string());
        keys.collect()
    }

    pub(super) fn path_of(&self, key: &str) -> String {
        join(&self.path, key)
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}
