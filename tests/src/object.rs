//! JSON objects as text with raw names and values, in order, duplicates included.

/// A JSON object whose members are written verbatim, even if they are invalid.
#[derive(Clone, Debug, Default)]
pub struct Object(Vec<(String, String)>);

impl Object {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a member, in place if it exists. `value` is JSON, or invalid on purpose.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, slot)) => *slot = value,
            None => self.0.push((name.to_owned(), value)),
        }
        self
    }

    /// Sets a member to a quoted string. `value` must need no escapes.
    #[must_use]
    pub fn set_text(self, name: &str, value: &str) -> Self {
        self.set(name, format!("\"{value}\""))
    }

    /// Appends a member, even if one of the same name exists.
    #[must_use]
    pub fn add(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.push((name.to_owned(), value.into()));
        self
    }

    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|(known, _)| known != name);
        self
    }

    /// Returns the raw value of a member.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    #[must_use]
    pub fn json(&self) -> String {
        let members: Vec<String> = self
            .0
            .iter()
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect();
        format!("{{{}}}", members.join(","))
    }
}
