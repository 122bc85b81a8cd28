//! Records whose columns and rows the database has joined: each row and each column that it hands over takes time, more than reading
//! it from the table.

use std::str;

use crate::error::{Result, corrupt};

/// The joined bytes of records that were not read yet.
pub(super) struct Joined<'b>(pub(super) &'b [u8]);

impl<'b> Joined<'b> {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn number<T: str::FromStr>(&mut self) -> Result<T> {
        self.optional_number()?
            .map_or_else(|| corrupt("a number"), Ok)
    }

    /// Reads a number, or the empty text that stands for NULL.
    pub(super) fn optional_number<T: str::FromStr>(&mut self) -> Result<Option<T>> {
        let end = self.0.iter().position(|byte| *byte == b' ');
        let parts = end.and_then(|end| self.0.split_at_checked(end));
        let Some((digits, [_, rest @ ..])) = parts else {
            return corrupt("a number");
        };
        self.0 = rest;
        if digits.is_empty() {
            return Ok(None);
        }
        let number = str::from_utf8(digits)
            .ok()
            .and_then(|digits| digits.parse().ok());
        number.map_or_else(|| corrupt("a number"), |number| Ok(Some(number)))
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        match self.0.split_first_chunk() {
            Some((array, rest)) => {
                self.0 = rest;
                Ok(*array)
            }
            None => corrupt("the length of an id or a digest"),
        }
    }

    pub(super) fn text(&mut self, length: usize) -> Result<&'b str> {
        let Some((text, rest)) = self.0.split_at_checked(length) else {
            return corrupt("the length of a text");
        };
        self.0 = rest;
        str::from_utf8(text).or_else(|_| corrupt("a text"))
    }
}
