use std::fmt;

/// Everything that is wrong with the configuration, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(Vec<String>);

/// What an error is about. The order is that of the report.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Location {
    /// A line of the file, counted from 1.
    Line(usize),
    /// The file as a whole.
    File,
    /// An environment variable.
    Variable(String),
}

impl ConfigErrors {
    /// Describes errors in `file`, which is not empty of them.
    ///
    /// Names of settings and files are shown without control characters, so that no file can write to a terminal.
    /// Values are never shown: any of them may be a secret in the wrong place.
    pub(super) fn new(file: &str, mut errors: Vec<(Location, String)>) -> Self {
        errors.sort_by(|(a, _), (b, _)| a.cmp(b));
        let lines = errors.into_iter().map(|(location, text)| {
            let line = match location {
                Location::Line(line) => format!("{file}:{line}: {text}"),
                Location::File => format!("{file}: {text}"),
                Location::Variable(name) => format!("{name}: {text}"),
            };
            line.replace(char::is_control, "\u{fffd}")
        });
        Self(lines.collect())
    }

    /// Returns the errors, one a line.
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for ConfigErrors {}
