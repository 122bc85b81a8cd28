use std::borrow::Cow;

use super::{Malformed, Read, Reader};

/// A value whose type is checked where it is used. Objects have no repeated members, and are otherwise not read.
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    /// A number without sign, fraction and exponent that is less than 10^19.
    Integer(u64),
    /// Any other number.
    Float(f64),
    Text(Cow<'a, str>),
    List(Vec<Self>),
    Object,
}

impl<'a> Read<'a> for Value<'a> {
    /// Reads the next value. Most are strings, which are written to where the value will be.
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        match reader.peek() {
            Some(b'"') => reader.string().map(Self::Text),
            _ => reader.value(),
        }
    }
}

/// The error for a value of another type than the one that is needed.
pub(crate) struct OtherType;

impl Value<'_> {
    pub(crate) fn text(&self) -> Result<&str, OtherType> {
        match self {
            Self::Text(text) => Ok(text),
            _ => Err(OtherType),
        }
    }

    pub(crate) const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Returns the elements of a list of strings.
    pub(crate) fn list(&self) -> Result<impl Iterator<Item = &str> + Clone, OtherType> {
        match self {
            Self::List(list) if list.iter().all(|value| value.text().is_ok()) => {
                Ok(list.iter().filter_map(|value| value.text().ok()))
            }
            _ => Err(OtherType),
        }
    }

    /// Searches a string, or the strings in a list.
    pub(crate) fn find_name<T>(
        &self,
        wanted: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, OtherType> {
        match self {
            Self::Text(text) => Ok(wanted(text)),
            _ => Ok(self.list()?.find_map(wanted)),
        }
    }

    /// Returns the strings in a list, or the words of a string. A value of another type contains none.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        let (list, text): (&[Self], Option<&str>) = match self {
            Self::List(list) => (list.as_slice(), None),
            Self::Text(text) => (&[], Some(&**text)),
            _ => (&[], None),
        };
        let elements = list.iter().filter_map(|value| value.text().ok());
        elements.chain(text.into_iter().flat_map(|text| text.split(' ')))
    }

    pub(crate) fn u32(&self) -> Result<u32, OtherType> {
        match self {
            Self::Integer(number) => (*number).try_into().map_err(|_| OtherType),
            _ => Err(OtherType),
        }
    }

    pub(crate) fn date(&self) -> Result<NumericDate, OtherType> {
        match self {
            Self::Integer(seconds) => NumericDate::whole(*seconds).ok_or(OtherType),
            Self::Float(seconds) => NumericDate::fraction(*seconds).ok_or(OtherType),
            _ => Err(OtherType),
        }
    }
}

/// A `NumericDate` (RFC 7519 §2) in whole seconds. Dates before 1970 are rejected, and numbers that are too large to be
/// one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct NumericDate {
    pub(crate) rounded_down: i64,
    pub(crate) rounded_up: i64,
}

impl NumericDate {
    fn whole(seconds: u64) -> Option<Self> {
        let seconds = seconds.try_into().ok()?;
        Some(Self {
            rounded_down: seconds,
            rounded_up: seconds,
        })
    }

    fn fraction(seconds: f64) -> Option<Self> {
        /// Up to 2^53, floating-point numbers represent every whole second exactly.
        const LARGEST: f64 = 9_007_199_254_740_992.0;
        if !(0.0..=LARGEST).contains(&seconds) {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "whole, and within 2^53")]
        Some(Self {
            rounded_down: seconds.floor() as i64,
            rounded_up: seconds.ceil() as i64,
        })
    }
}
