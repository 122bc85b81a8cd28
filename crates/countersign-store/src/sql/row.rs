#[cfg(feature = "postgres")]
use sqlx::postgres::{PgRow, Postgres};
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{Decode, Row as _, Type};

/// A row of the result of a query.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    #[cfg(feature = "postgres")]
    Postgres(PgRow),
}

/// What a column can be decoded to: an integer, text or bytes, and whether a condition holds.
#[cfg(feature = "postgres")]
pub(crate) trait Column<'r>:
    Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>
{
}

#[cfg(feature = "postgres")]
impl<'r, T> Column<'r> for T where
    T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>
{
}

/// What a column can be decoded to: an integer, text or bytes, and whether a condition holds.
#[cfg(not(feature = "postgres"))]
pub(crate) trait Column<'r>: Decode<'r, Sqlite> + Type<Sqlite> {}

#[cfg(not(feature = "postgres"))]
impl<'r, T: Decode<'r, Sqlite> + Type<Sqlite>> Column<'r> for T {}

impl Row {
    /// Decodes the column of a name.
    pub(crate) fn try_get<'r, T: Column<'r>>(&'r self, column: &str) -> sqlx::Result<T> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            #[cfg(feature = "postgres")]
            Self::Postgres(row) => row.try_get(column),
        }
    }

    /// Decodes the only column.
    pub(super) fn scalar<'r, T: Column<'r>>(&'r self) -> sqlx::Result<T> {
        match self {
            Self::Sqlite(row) => row.try_get(0),
            #[cfg(feature = "postgres")]
            Self::Postgres(row) => row.try_get(0),
        }
    }
}
