//! JSON objects read strictly: no member twice, also not by way of an escape, nowhere inside; no lone
//! surrogates; nothing after the object. RFC 7515 §4 and RFC 7519 §4 let a parser take the last of two
//! members; two parsers that choose differently see two tokens, so here neither is taken.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A set of members that an object may have.
pub(crate) trait Members<'de>: Default {
    /// Takes the value of member `name` if it is one of its own.
    fn take<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<Taken, A::Error>;
}

pub(crate) enum Taken {
    Yes,
    /// Not a member of this set: its value is read for its form alone.
    No,
}

/// Fills an empty slot; a full one means that the member came twice.
pub(crate) fn once<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    slot: &mut Option<T>,
    map: &mut A,
) -> Result<Taken, A::Error> {
    if slot.is_some() {
        return Err(A::Error::custom("a member came twice"));
    }
    *slot = Some(map.next_value()?);
    Ok(Taken::Yes)
}

/// The members of the JSON object that `bytes` are, or nothing if they are anything else.
pub(crate) fn object<'de, M: Members<'de>>(bytes: &'de [u8]) -> Option<M> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut json = serde_json::Deserializer::from_str(text);
    let members = json.deserialize_map(Object(PhantomData)).ok()?;
    json.end().ok()?;
    Some(members)
}

struct Object<M>(PhantomData<M>);

impl<'de, M: Members<'de>> Visitor<'de> for Object<M> {
    type Value = M;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<M, A::Error> {
        let mut members = M::default();
        let mut others = Vec::new();
        while let Some(Text(name)) = map.next_key()? {
            if let Taken::No = members.take(&name, &mut map)? {
                map.next_value::<Anything>()?;
                others.push(name);
            }
        }
        unique(others)?;
        Ok(members)
    }
}

fn unique<E: Error>(mut names: Vec<Cow<'_, str>>) -> Result<(), E> {
    names.sort_unstable();
    if names
        .windows(2)
        .any(|pair| matches!(pair, [a, b] if a == b))
    {
        return Err(E::custom("a member came twice"));
    }
    Ok(())
}

/// A string, borrowed where it has no escapes.
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
        }
        deserializer.deserialize_str(TextVisitor).map(Self)
    }
}

/// Any value, read for its form: strings decoded, objects without a member twice.
pub(crate) struct Anything;

impl<'de> Deserialize<'de> for Anything {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> DeserializeSeed<'de> for Anything {
    type Value = Self;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Anything {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E: Error>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut names = Vec::new();
        while let Some(Text(name)) = map.next_key()? {
            map.next_value::<Self>()?;
            names.push(name);
        }
        unique(names)?;
        Ok(self)
    }
}

/// A `NumericDate` (RFC 7519 §2) in whole seconds, rounded down. Dates before 1970 are refused, and numbers
/// too large to be one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct NumericDate(pub(crate) i64);

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DateVisitor;
        impl Visitor<'_> for DateVisitor {
            type Value = i64;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<i64, E> {
                u64::try_from(number)
                    .map_err(E::custom)
                    .and_then(|number| self.visit_u64(number))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<i64, E> {
                i64::try_from(number).map_err(E::custom)
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<i64, E> {
                // Up to 2^53 a float holds every whole second exactly.
                const LARGEST: f64 = 9_007_199_254_740_992.0;
                if !(0.0..=LARGEST).contains(&number) {
                    return Err(E::custom("out of range"));
                }
                #[expect(clippy::cast_possible_truncation, reason = "whole, and within 2^53")]
                let seconds = number.floor() as i64;
                Ok(seconds)
            }
        }
        deserializer.deserialize_any(DateVisitor).map(Self)
    }
}

/// One string, or a list of strings: `aud` (RFC 7519 §4.1.3) and foreign scopes.
pub(crate) enum OneOrMany<'a> {
    One(Cow<'a, str>),
    Many(Vec<Text<'a>>),
}

impl OneOrMany<'_> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        let (one, many) = match self {
            Self::One(text) => (Some(&**text), &[][..]),
            Self::Many(list) => (None, list.as_slice()),
        };
        one.into_iter().chain(many.iter().map(|text| &*text.0))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for OneOrMany<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor;
        impl<'de> Visitor<'de> for ListVisitor {
            type Value = OneOrMany<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of strings")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(OneOrMany::One(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(OneOrMany::One(Cow::Owned(text.to_owned())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut list = Vec::new();
                while let Some(text) = seq.next_element()? {
                    list.push(text);
                }
                Ok(OneOrMany::Many(list))
            }
        }
        deserializer.deserialize_any(ListVisitor)
    }
}
