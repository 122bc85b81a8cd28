//! Members of a JSON body that several wires want. One that is `null` counts as absent.

use countersign::Secret;

use crate::json::{Json, Object};
use crate::{FieldError, FieldErrorCode};

impl Object {
    /// A member that has a value.
    pub(crate) fn take_value(&mut self, name: &str) -> Option<Json> {
        self.take(name).filter(|value| !matches!(value, Json::Null))
    }

    /// A text, which may be secret.
    ///
    /// # Errors
    ///
    /// The flaw of a member of another type.
    pub(crate) fn take_text(&mut self, name: &'static str) -> Result<Option<Secret>, FieldError> {
        match self.take_value(name) {
            None => Ok(None),
            Some(Json::Text(text)) => Ok(Some(text)),
            Some(_) => {
                let message = format!("{name} must be a string");
                Err(FieldError::new(name, FieldErrorCode::InvalidType, message))
            }
        }
    }

    /// The two halves of a pair, where there is one.
    ///
    /// # Errors
    ///
    /// The flaws of either half: one that lacks the other, or is of another type.
    pub(crate) fn take_pair(
        &mut self,
        id: &'static str,
        secret: &'static str,
    ) -> Result<Option<(Secret, Secret)>, Vec<FieldError>> {
        let flaw = |name, half| match half {
            Ok(Some(_)) => None,
            Ok(None) => Some(missing(name)),
            Err(flaw) => Some(flaw),
        };
        match (self.take_text(id), self.take_text(secret)) {
            (Ok(None), Ok(None)) => Ok(None),
            (Ok(Some(id)), Ok(Some(secret))) => Ok(Some((id, secret))),
            halves => {
                let flaws = [flaw(id, halves.0), flaw(secret, halves.1)];
                Err(flaws.into_iter().flatten().collect())
            }
        }
    }
}

/// A member is needed, and is not there.
pub(crate) fn missing(name: &'static str) -> FieldError {
    FieldError::new(name, FieldErrorCode::Missing, format!("{name} is missing"))
}
