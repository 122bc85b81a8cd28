//! Strict reading of JSON objects: no repeated members, not even inside of values that are not used or
//! with escapes in their names; no lone surrogates; nothing after the object.
//!
//! RFC 7515 §4 and RFC 7519 §4 let a parser use the last of two members of the same name. Two parsers
//! that choose differently would read two different tokens, so repeated members are rejected here.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

/// The members of an object that are read. The macro [`members`] implements it.
pub(crate) trait Members<'de>: Default {
    /// Reads the value of the member `name`, and returns `true`. Returns `false`, without reading the value,
    /// if the member is not used.
    fn read<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error>;
}

/// Declares a struct with the members of an object that are read, all of them optional. After each semicolon, it
/// declares a flag that is set if one of several members is present, whatever its value.
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
            fn read<A: serde::de::MapAccess<$life>>(
                &mut self,
                name: &str,
                map: &mut A,
            ) -> Result<bool, A::Error> {
                match name {
                    $($member => $crate::jose::json::read_once(&mut self.$field, map),)*
                    $($($flag_member)|+ => {
                        self.$flag = true;
                        Ok(false)
                    })*
                    _ => Ok(false),
                }
            }
        }
    };
}
pub(crate) use members;

/// Reads a member into an empty `slot`. Returns an error if the slot is full, which means that the member is
/// repeated.
pub(crate) fn read_once<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    slot: &mut Option<T>,
    map: &mut A,
) -> Result<bool, A::Error> {
    if slot.is_some() {
        return Err(A::Error::custom("repeated member"));
    }
    *slot = Some(map.next_value()?);
    Ok(true)
}

/// Parses a JSON object. Returns `None` if `bytes` is anything else.
pub(crate) fn object<'de, M: Members<'de>>(bytes: &'de [u8]) -> Option<M> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut json = serde_json::Deserializer::from_str(text);
    let members = json.deserialize_map(ObjectVisitor(PhantomData)).ok()?;
    json.end().ok()?;
    Some(members)
}

struct ObjectVisitor<M>(PhantomData<M>);

impl<'de, M: Members<'de>> Visitor<'de> for ObjectVisitor<M> {
    type Value = M;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<M, A::Error> {
        let mut members = M::default();
        let mut unused = Vec::new();
        while let Some(Text(name)) = map.next_key()? {
            if !members.read(&name, &mut map)? {
                map.next_value::<StrictValue>()?;
                unused.push(name);
            }
        }
        unused.sort_unstable();
        if unused
            .windows(2)
            .any(|pair| matches!(pair, [a, b] if a == b))
        {
            return Err(A::Error::custom("repeated member"));
        }
        Ok(members)
    }
}

/// No member is used.
#[derive(Default)]
struct NoMembers;

impl<'de> Members<'de> for NoMembers {
    fn read<A: MapAccess<'de>>(&mut self, _: &str, _: &mut A) -> Result<bool, A::Error> {
        Ok(false)
    }
}

/// Implements the methods of a visitor that accepts scalar values.
macro_rules! accept_scalars {
    ($($method:ident: $type:ty,)*) => {
        $(fn $method<E: Error>(self, _: $type) -> Result<Self, E> {
            Ok(self)
        })*
    };
}

/// Any value, which is checked but not used: its strings are decoded, and its objects have no repeated members.
struct StrictValue;

impl<'de> Deserialize<'de> for StrictValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for StrictValue {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    accept_scalars! {
        visit_bool: bool,
        visit_i64: i64,
        visit_u64: u64,
        visit_f64: f64,
        visit_str: &str,
    }

    fn visit_unit<E: Error>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self, A::Error> {
        ObjectVisitor(PhantomData::<NoMembers>).visit_map(map)?;
        Ok(self)
    }
}

/// A value whose type is checked where it is used. Objects have no repeated members, and are otherwise not read.
pub(crate) enum Value<'a> {
    Null,
    Bool,
    Number(Number),
    Text(Cow<'a, str>),
    List(Vec<Self>),
    Object,
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor(PhantomData))
    }
}

struct ValueVisitor<'a>(PhantomData<&'a str>);

impl<'de: 'a, 'a> Visitor<'de> for ValueVisitor<'a> {
    type Value = Value<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value<'a>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Value<'a>, E> {
        Ok(Value::Bool)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value<'a>, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value<'a>, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value<'a>, E> {
        let number = Number::from_f64(number).ok_or_else(|| E::custom("not a number"))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value<'a>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Value<'a>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value<'a>, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element()? {
            list.push(value);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value<'a>, A::Error> {
        ObjectVisitor(PhantomData::<NoMembers>).visit_map(map)?;
        Ok(Value::Object)
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
            Self::Number(number) => number
                .as_u64()
                .and_then(|number| number.try_into().ok())
                .ok_or(OtherType),
            _ => Err(OtherType),
        }
    }

    pub(crate) fn date(&self) -> Result<NumericDate, OtherType> {
        match self {
            Self::Number(number) => NumericDate::new(number).ok_or(OtherType),
            _ => Err(OtherType),
        }
    }
}

/// A string, borrowed if it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// Returns the text of a member.
pub(crate) fn text<'a>(member: &'a Option<Text<'_>>) -> Option<&'a str> {
    member.as_ref().map(|Text(text)| &**text)
}

/// A `NumericDate` (RFC 7519 §2) in whole seconds. Dates before 1970 are rejected, and numbers that are too large to be
/// one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct NumericDate {
    pub(crate) rounded_down: i64,
    pub(crate) rounded_up: i64,
}

impl NumericDate {
    fn new(number: &Number) -> Option<Self> {
        /// Up to 2^53, floating-point numbers represent every whole second exactly.
        const LARGEST: f64 = 9_007_199_254_740_992.0;
        if let Some(seconds) = number.as_i64().filter(|seconds| *seconds >= 0) {
            return Some(Self {
                rounded_down: seconds,
                rounded_up: seconds,
            });
        }
        let seconds = number
            .as_f64()
            .filter(|seconds| (0.0..=LARGEST).contains(seconds))?;
        #[expect(clippy::cast_possible_truncation, reason = "whole, and within 2^53")]
        Some(Self {
            rounded_down: seconds.floor() as i64,
            rounded_up: seconds.ceil() as i64,
        })
    }
}
