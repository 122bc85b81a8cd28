//! Strict reading of JSON objects (RFC 8259): no repeated members, not even inside of values that are not used or
//! with escapes in their names; no lone surrogates; nothing after the object.
//!
//! RFC 7515 §4 and RFC 7519 §4 let a parser use the last of two members of the same name. Two parsers
//! that choose differently would read two different tokens, so repeated members are rejected here.
//!
//! A header and claims are read for every token, so the text is read once, without an intermediate form, and strings without
//! escapes are borrowed from it.

mod reader;
#[cfg(test)]
mod tests;
mod value;

use std::borrow::Cow;

pub(crate) use reader::{Malformed, Raw, Reader};
pub(crate) use value::{NumericDate, OtherType, Value};

/// The members of an object that are read. The macro [`members`] implements it.
pub(crate) trait Members<'a>: Default {
    /// Returns the index of the member `name`, in the order of their declaration. Returns `None` if its value is not used.
    fn find(&mut self, name: &str) -> Option<usize>;

    /// Reads the value of the member of this index, and returns `true`. Its name has been read, or is read here if it is the
    /// next text; if it is not, nothing is read, and `false` is returned.
    fn read(
        &mut self,
        index: usize,
        is_named: bool,
        reader: &mut Reader<'a>,
    ) -> Result<bool, Malformed>;
}

/// A value that a member can have.
pub(crate) trait Read<'a>: Sized {
    /// Reads the next value.
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed>;
}

/// Declares a struct with the members of an object that are read, all of them optional. After each semicolon, it
/// declares a flag that is set if one of several members is present, whatever its value. Objects whose members are in the order of
/// the declaration are read fastest.
macro_rules! members {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident<$life:lifetime> {
            $($field_vis:vis $field:ident: $type:ty = $member:literal,)*
            $(; $(#[$flag_meta:meta])* $flag_vis:vis $flag:ident = $($flag_member:literal)|+)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Default)]
        $vis struct $name<$life> {
            $($field_vis $field: Option<$type>,)*
            $($(#[$flag_meta])* $flag_vis $flag: bool,)*
        }

        impl<$life> $crate::jose::json::Members<$life> for $name<$life> {
            fn find(&mut self, name: &str) -> Option<usize> {
                #[expect(non_camel_case_types, reason = "the names of the fields")]
                enum Index { $($field,)* }
                match name {
                    $($member => return Some(Index::$field as usize),)*
                    $($($flag_member)|+ => self.$flag = true,)*
                    _ => {}
                }
                None
            }

            fn read(
                &mut self,
                index: usize,
                is_named: bool,
                reader: &mut $crate::jose::json::Reader<$life>,
            ) -> Result<bool, $crate::jose::json::Malformed> {
                #[expect(non_camel_case_types, reason = "the names of the fields")]
                enum Index { $($field,)* }
                $(if index == Index::$field as usize {
                    // No name needs escaping. A text with white space, or with an escape in the name, is read by the caller.
                    let is_next = is_named || reader.skip_text(concat!("\"", $member, "\":"));
                    if is_next {
                        $crate::jose::json::read_once(&mut self.$field, reader)?;
                    }
                    return Ok(is_next);
                })*
                Ok(false)
            }
        }
    };
}
pub(crate) use members;

/// Reads a member into an empty `slot`. Returns an error if the slot is full, which means that the member is
/// repeated.
pub(crate) fn read_once<'a, T: Read<'a>>(
    slot: &mut Option<T>,
    reader: &mut Reader<'a>,
) -> Result<(), Malformed> {
    if slot.is_some() {
        return Err(Malformed);
    }
    *slot = Some(T::read(reader)?);
    Ok(())
}

/// Parses a JSON object. Returns `None` if `bytes` is anything else.
pub(crate) fn object<'a, M: Members<'a>>(bytes: &'a [u8]) -> Option<M> {
    let mut members = M::default();
    object_into(bytes, &mut members)?;
    Some(members)
}

/// Parses a JSON object as [`object`] does, without moving its members.
pub(crate) fn object_into<'a>(bytes: &'a [u8], members: &mut impl Members<'a>) -> Option<()> {
    let mut reader = Reader::new(std::str::from_utf8(bytes).ok()?);
    reader.object(members).ok()?;
    reader.end().ok()
}

/// A string, borrowed if it has no escapes.
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

/// Returns the text of a member.
pub(crate) fn text<'a>(member: &'a Option<Text<'_>>) -> Option<&'a str> {
    member.as_ref().map(|Text(text)| &**text)
}

impl<'a> Read<'a> for Text<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        match Value::read(reader)? {
            Value::Text(text) => Ok(Self(text)),
            _ => Err(Malformed),
        }
    }
}

impl<'a> Read<'a> for bool {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        match Value::read(reader)? {
            Value::Bool(value) => Ok(value),
            _ => Err(Malformed),
        }
    }
}

impl<'a> Read<'a> for Vec<Raw<'a>> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let mut list = Self::new();
        reader.list(|reader| {
            list.push(reader.raw()?);
            Ok(())
        })?;
        Ok(list)
    }
}
