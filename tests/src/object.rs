//! JSON objects as text: members in order, repeated where a test wants so, names and values raw.

/// An object whose members are put down letter by letter, right or wrong.
#[derive(Clone, Debug, Default)]
pub struct Object(Vec<(String, String)>);

impl Object {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a member, in its place if it is there already. `value` is JSON, or what pretends to be.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, slot)) => *slot = value,
            None => self.0.push((name.to_owned(), value)),
        }
        self
    }

    /// Sets a member to a string, quoted; `value` has nothing to escape.
    #[must_use]
    pub fn set_text(self, name: &str, value: &str) -> Self {
        self.set(name, format!("\"{value}\""))
    }

    /// Adds a member behind the others, whatever is there already.
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

    /// The raw value of a member.
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
