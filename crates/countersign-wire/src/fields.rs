//! Fields that several wires read from a JSON body. A field that is `null` counts as missing.

use countersign::Secret;

use crate::error::{FieldError, FieldErrorCode, TokenError};
use crate::json::{Json, Object};

impl Object {
    /// Takes a field that has a value.
    pub(crate) fn take_value(&mut self, name: &str) -> Option<Json> {
        self.take(name).filter(|value| !matches!(value, Json::Null))
    }

    /// Takes a string, which may be secret.
    ///
    /// # Errors
    ///
    /// Returns a [`FieldError`] if the value has another type.
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

    /// Takes an id and a secret, if either is there.
    ///
    /// # Errors
    ///
    /// Returns [`TokenError::Invalid`] with an error for each of them that is missing or has another type.
    pub(crate) fn take_pair(
        &mut self,
        id: &'static str,
        secret: &'static str,
    ) -> Result<Option<(Secret, Secret)>, TokenError> {
        let mut take = |name| match self.take_text(name) {
            Ok(Some(text)) => Ok(text),
            Ok(None) => Err(missing(name)),
            Err(error) => Err(error),
        };
        match (take(id), take(secret)) {
            (Ok(id), Ok(secret)) => Ok(Some((id, secret))),
            (Err(id), Err(secret))
                if [&id, &secret].map(|error| error.code) == [FieldErrorCode::Missing; 2] =>
            {
                Ok(None)
            }
            (id, secret) => {
                let errors = [id.err(), secret.err()];
                Err(TokenError::Invalid(errors.into_iter().flatten().collect()))
            }
        }
    }
}

/// Creates the error of a required field that is missing.
pub(crate) fn missing(name: &'static str) -> FieldError {
    FieldError::new(name, FieldErrorCode::Missing, format!("{name} is missing"))
}
