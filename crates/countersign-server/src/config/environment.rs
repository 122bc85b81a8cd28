use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

use countersign::Secret;
use countersign_store::MasterKey;

use super::mistake::{Mistake, Place};

const PREFIX: &str = "COUNTERSIGN_";
pub(super) const MASTER_KEY: &str = "COUNTERSIGN_MASTER_KEY";

/// The `COUNTERSIGN_*` variables of the process. It cannot print their values.
#[derive(Default)]
pub(crate) struct Environment {
    pub(super) scalars: BTreeMap<String, String>,
    pub(super) master_key: Option<MasterKey>,
    /// Also when it is none.
    pub(super) gives_master_key: bool,
    pub(super) mistakes: Vec<Mistake>,
}

impl Environment {
    /// Keeps what is ours of `variables`.
    pub(crate) fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut found = Self::default();
        for (name, value) in variables {
            let name = name.to_string_lossy().into_owned();
            if !name.starts_with(PREFIX) {
                continue;
            }
            match value.into_string() {
                Ok(value) if name == MASTER_KEY => found.take_master_key(value),
                Ok(value) => {
                    found.scalars.insert(name, value);
                }
                Err(_) => found
                    .mistakes
                    .push(Mistake::new(Place::Variable(name), "not UTF-8")),
            }
        }
        found
    }

    /// A key that is none is a mistake here already: a database would only say so once it is opened.
    fn take_master_key(&mut self, value: String) {
        self.gives_master_key = true;
        match MasterKey::from_text(Secret::from(value)) {
            Ok(key) => self.master_key = Some(key),
            Err(_) => self.mistakes.push(Mistake::new(
                Place::Variable(MASTER_KEY.to_owned()),
                "expected 32 random bytes in base64, as a master key's file has them",
            )),
        }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.scalars.keys()).finish()
    }
}
