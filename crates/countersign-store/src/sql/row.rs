use std::borrow::Cow;

#[cfg(feature = "postgres")]
use sqlx::ValueRef as _;
#[cfg(feature = "postgres")]
use sqlx::postgres::{PgRow, PgValueFormat, Postgres};
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{Column, Decode, Row as _, Type, TypeInfo as _};

/// A row of the result of a query.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    #[cfg(feature = "postgres")]
    Postgres(PgRow),
}

/// What a column can be decoded to: an integer, text or bytes, and whether a condition holds.
#[cfg(feature = "postgres")]
pub(crate) trait Readable<'r>:
    Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>
{
}

#[cfg(feature = "postgres")]
impl<'r, T> Readable<'r> for T where
    T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>
{
}

/// What a column can be decoded to: an integer, text or bytes, and whether a condition holds.
#[cfg(not(feature = "postgres"))]
pub(crate) trait Readable<'r>: Decode<'r, Sqlite> + Type<Sqlite> {}

#[cfg(not(feature = "postgres"))]
impl<'r, T: Decode<'r, Sqlite> + Type<Sqlite>> Readable<'r> for T {}

impl Row {
    /// Decodes the column of a name.
    pub(crate) fn try_get<'r, T: Readable<'r>>(&'r self, column: &str) -> sqlx::Result<T> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            #[cfg(feature = "postgres")]
            Self::Postgres(row) => row.try_get(column),
        }
    }

    /// Decodes bytes, which PostgreSQL sends as text in the answer to a [script](super::postgres::script).
    pub(crate) fn try_get_bytes(&self, column: &str) -> sqlx::Result<Option<Cow<'_, [u8]>>> {
        match self {
            Self::Sqlite(row) => Ok(row.try_get::<Option<&[u8]>, _>(column)?.map(Cow::Borrowed)),
            #[cfg(feature = "postgres")]
            Self::Postgres(row) => {
                let value = row.try_get_raw(column)?;
                if value.is_null() {
                    return Ok(None);
                }
                let bytes = match value.format() {
                    PgValueFormat::Binary => value.as_bytes().map(Cow::Borrowed),
                    PgValueFormat::Text => {
                        <Vec<u8> as Decode<'_, Postgres>>::decode(value).map(Cow::Owned)
                    }
                };
                bytes.map(Some).map_err(sqlx::Error::Decode)
            }
        }
    }

    /// Decodes the column at a position.
    pub(crate) fn try_get_at<'r, T: Readable<'r>>(&'r self, column: usize) -> sqlx::Result<T> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            #[cfg(feature = "postgres")]
            Self::Postgres(row) => row.try_get(column),
        }
    }

    /// Returns the names of the columns and of their types.
    pub(super) fn columns(&self) -> Vec<(String, String)> {
        fn describe<C: Column>(columns: &[C]) -> Vec<(String, String)> {
            let describe = |column: &C| {
                let kind = column.type_info().name().to_owned();
                (column.name().to_owned(), kind)
            };
            columns.iter().map(describe).collect()
        }
        match self {
            Self::Sqlite(row) => describe(row.columns()),
            #[cfg(feature = "postgres")]
            Self::Postgres(row) => describe(row.columns()),
        }
    }

    /// Decodes the only column.
    pub(super) fn scalar<'r, T: Readable<'r>>(&'r self) -> sqlx::Result<T> {
        self.try_get_at(0)
    }
}
