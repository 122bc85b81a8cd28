use std::borrow::Cow;

use sqlx::query::Query;
use sqlx::{Database, Encode, SqlSafeStr, Type};

/// A parameter of a statement. NULL has a type, too, which PostgreSQL wants to know.
pub(crate) enum Value<'q> {
    Integer(Option<i64>),
    Text(Option<Cow<'q, str>>),
    Bytes(Option<Cow<'q, [u8]>>),
}

/// Conversion into a parameter.
pub(crate) trait IntoValue<'q> {
    const NULL: Value<'q>;

    fn into_value(self) -> Value<'q>;
}

macro_rules! into_value {
    ($($type:ty => $kind:ident, $value:ident => $into:expr;)+) => {$(
        impl<'q> IntoValue<'q> for $type {
            const NULL: Value<'q> = Value::$kind(None);

            fn into_value(self) -> Value<'q> {
                let $value = self;
                Value::$kind(Some($into))
            }
        }
    )+};
}

into_value! {
    i64 => Integer, value => value;
    u32 => Integer, value => value.into();
    // Neither 0 nor 1 has another meaning in any column.
    bool => Integer, value => value.into();
    &'q str => Text, value => value.into();
    &'q String => Text, value => value.into();
    String => Text, value => value.into();
    &'q [u8] => Bytes, value => value.into();
    &'q Vec<u8> => Bytes, value => value.into();
    Vec<u8> => Bytes, value => value.into();
}

impl<'q, T: IntoValue<'q>> IntoValue<'q> for Option<T> {
    const NULL: Value<'q> = T::NULL;

    fn into_value(self) -> Value<'q> {
        self.map_or(T::NULL, T::into_value)
    }
}

impl<'q, T> IntoValue<'q> for &'q Option<T>
where
    &'q T: IntoValue<'q>,
{
    const NULL: Value<'q> = <&'q T>::NULL;

    fn into_value(self) -> Value<'q> {
        self.as_ref().into_value()
    }
}

/// Binds values to the parameters of a statement.
pub(super) fn bind<'q, D>(
    sql: impl SqlSafeStr,
    values: &'q [Value<'q>],
) -> Query<'q, D, D::Arguments>
where
    D: Database,
    Option<i64>: Encode<'q, D> + Type<D>,
    Option<&'q str>: Encode<'q, D> + Type<D>,
    Option<&'q [u8]>: Encode<'q, D> + Type<D>,
{
    let mut query = sqlx::query(sql);
    for value in values {
        query = match value {
            Value::Integer(value) => query.bind(*value),
            Value::Text(value) => query.bind(value.as_deref()),
            Value::Bytes(value) => query.bind(value.as_deref()),
        };
    }
    query
}
