use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use countersign::directory::InvalidIssuerName;
use countersign::jose::{Algorithm, KeyError};
use countersign::random::RandomError;
use countersign::registry::{RegistryError, SessionError};
use countersign::time::Timestamp;

use crate::access::describe_access;

/// The code of SQLite for a file that it cannot open.
const SQLITE_CANTOPEN: i32 = 14;

/// An error of a [`Store`](crate::Store). The message is one line that says what to do. It contains no secret and no
/// contents of records.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The URL names neither an SQLite file nor a PostgreSQL database.
    #[error(
        "the database URL is not supported: give `sqlite://PATH`, the path of a file without `?` and `#`, or \
         `postgres://USER@HOST/DATABASE`"
    )]
    UnsupportedUrl,
    /// A PostgreSQL server on another machine would not be authenticated, and could be anyone.
    #[error(
        "the database URL allows a PostgreSQL server on another machine without verifying its certificate: use \
         `sslmode=verify-full`, and `sslrootcert=FILE` if its certificate is from a CA of your own"
    )]
    InsecureUrl,
    /// The PostgreSQL server is a standby, whose data may be old and cannot be changed.
    #[error(
        "the PostgreSQL server is a standby: name the primary in the database URL, or both, separated by a comma"
    )]
    Standby,
    /// The PostgreSQL database has another encoding than UTF-8.
    #[error("the PostgreSQL database has the encoding {0}: create it with the encoding UTF8")]
    UnsupportedEncoding(String),
    /// The PostgreSQL database has no tables, or outdated ones, and this role may not create them.
    #[error(
        "the PostgreSQL database has no tables of this version, and this role may not create them: run `countersign \
         store migrate` as a role that may"
    )]
    NotMigrated,
    /// The database to copy to has records.
    #[error(
        "the new database has records already: name a file that does not exist, or an empty PostgreSQL database"
    )]
    NotEmpty,
    /// PostgreSQL does this itself.
    #[error(
        "a PostgreSQL database is backed up and restored by the tools of PostgreSQL, such as pg_basebackup"
    )]
    SqliteOnly,
    /// A PostgreSQL database has no folder in which the master key could be.
    #[error(
        "with PostgreSQL, the master key must be given: create one with `openssl rand -base64 32`, and give every node \
         its file or its text"
    )]
    MasterKeyNotGiven,
    /// A file could not be created, read or written.
    #[error("`{}` cannot be used: {source}; its folder must exist, and this user must be allowed to read and write both", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// SQLite cannot open the database file, or the files beside it (its code 14).
    #[error(
        "`{}` cannot be opened: {access}; run as the owner of the file, or let this user read and write the file and its \
         folder: SQLite keeps a log beside it", .path.display()
    )]
    CannotOpen {
        /// The database file.
        path: PathBuf,
        /// The owner and the mode of the file and its folder, and the user of this process.
        access: String,
    },
    /// The database file was replaced or removed after the store was opened.
    #[error(
        "`{}` is not the file that was opened: it was replaced or removed; put the file back or restore a backup before \
         you restart the server: without the file, it creates an empty database",
        .0.display()
    )]
    FileReplaced(PathBuf),
    /// The SQLite library has a known fault that can damage a database.
    #[error("SQLite {0} can damage a database: build with SQLite 3.51.3 or newer")]
    SqliteTooOld(String),
    /// SQLite cannot use a write-ahead log on the file system of the database.
    #[error("SQLite cannot use a write-ahead log here: put the database on a local disk")]
    NoWriteAheadLog,
    /// A newer version of this crate wrote the database.
    #[error(
        "the database has the newer schema version {0}: run a newer version of this program, or restore a backup"
    )]
    NewerSchema(i64),
    /// A development version, from before the first release, wrote the database.
    #[error(
        "the database is of a version from before the first release: move it away, and create the credentials again"
    )]
    UnreleasedSchema,
    /// The file is a database of another application.
    #[error("the database belongs to another application: name another file, which need not exist")]
    UnrelatedDatabase,
    /// The database exists, but the master key that its secrets are encrypted with does not.
    #[error("the master key `{}` is missing, and without it no secret can be decrypted: put it back, or name its path", .0.display())]
    MasterKeyMissing(PathBuf),
    /// The master key is not 32 bytes in base64, or its bytes are not random.
    #[error(
        "the master key is malformed: 32 random bytes in base64 are expected; restore it from a backup"
    )]
    MasterKeyMalformed,
    /// Another process rotated the master key, and this process cannot find the new one.
    #[error(
        "the master key was rotated, and this process has the old one: configure the new one, and restart the process"
    )]
    MasterKeyRotated,
    /// The master key was given as text, so that the store cannot replace it.
    #[error(
        "the master key was not read from a file, so that no file can be replaced: provide the new master key"
    )]
    MasterKeyIsText,
    /// A file of this name exists, and the store does not overwrite it.
    #[error("`{}` exists already: name a file that does not", .0.display())]
    FileExists(PathBuf),
    /// Another process has the database open.
    #[error("`{}` is open in another process: stop the server first", .0.display())]
    InUse(PathBuf),
    /// The file is not a backup that can be restored.
    #[error("`{}` cannot be restored: {reason}; take another backup", .path.display())]
    InvalidBackup {
        /// The file.
        path: PathBuf,
        /// Why it cannot be restored.
        reason: &'static str,
    },
    /// Changes would be lost from an earlier moment on than the caller accepts: the moment of the backup.
    #[error("the changes after {} are lost: accept a loss since that time, or an earlier one", .0.to_rfc3339())]
    LossBeginsEarlier(Timestamp),
    /// A secret cannot be decrypted: the master key is another one, or the record was tampered with.
    #[error(
        "{0} cannot be decrypted: put back the master key of this database, or restore a backup if it was tampered with"
    )]
    Unseal(&'static str),
    /// The issuer does not exist.
    #[error("there is no issuer `{0}`: name one that exists")]
    UnknownIssuer(String),
    /// The text cannot be the name of an issuer.
    #[error(transparent)]
    InvalidIssuerName(InvalidIssuerName),
    /// The issuer signs with another algorithm than the requested one.
    #[error(
        "issuer `{issuer}` signs with {stored}, and {wanted} was requested: configure {stored}, or rotate: `countersign \
         signing-key rotate --issuer {issuer} --algorithm {wanted}`"
    )]
    AlgorithmMismatch {
        /// The name of the issuer.
        issuer: String,
        /// The algorithm of its active signing key.
        stored: Algorithm,
        /// The requested algorithm.
        wanted: Algorithm,
    },
    /// The issuer has no signing key with this key id.
    #[error(
        "the issuer has no signing key with this id: `countersign signing-key list --issuer NAME` lists its keys"
    )]
    UnknownSigningKey,
    /// The issuer already has a signing key that does not sign yet.
    #[error("the next signing key is pending already: wait until it signs, or revoke it")]
    RotationPending,
    /// An issuer cannot have both HMAC secrets and key pairs (RFC 8725 §3.1).
    #[error(
        "an issuer cannot change between HMAC and key pairs: use an algorithm of the same kind, or create another issuer"
    )]
    MixedAlgorithms,
    /// The caller's credential is no longer valid.
    #[error("the credentials are no longer valid: use valid ones")]
    CallerRevoked,
    /// As many verifiers as permitted follow the feed of this process, or with this credential, or another credential uses the
    /// id of the verifier.
    #[error(
        "too many verifiers follow the feed: let them ask other nodes, or with several credentials"
    )]
    TooManyVerifiers,
    /// There are more API keys than a verifier may learn.
    #[error(
        "there are more than {0} API keys for one verifier: let it follow one account, or let its clients obtain tokens"
    )]
    TooManyKeys(usize),
    /// The database contains something that the store never writes.
    #[error(
        "the database is damaged ({0}): stop the server, and restore a backup with `countersign restore FILE`"
    )]
    Corrupt(&'static str),
    /// The random number generator or the cryptographic library failed.
    #[error("no secret could be created: {0}; try again")]
    Cryptography(#[source] Box<dyn Error + Send + Sync>),
    /// The database could not be read or written.
    #[error(
        "the database cannot be read or written: {0}; check its disk, and which other programs use it"
    )]
    Database(#[source] Box<dyn Error + Send + Sync>),
    /// The store was closed.
    #[error("the store was closed: open it again")]
    Closed,
}

pub(crate) type Result<T, E = StoreError> = std::result::Result<T, E>;

impl StoreError {
    /// Names the database file, if SQLite could not open it.
    pub(crate) fn at(self, path: &Path) -> Self {
        match self {
            Self::Database(source) if is_cannot_open(&*source) => Self::CannotOpen {
                path: path.to_owned(),
                access: describe_access(path),
            },
            error => error,
        }
    }

    pub(crate) fn file(path: &Path, source: io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            source,
        }
    }
}

impl From<RandomError> for StoreError {
    fn from(source: RandomError) -> Self {
        Self::Cryptography(source.into())
    }
}

impl From<KeyError> for StoreError {
    fn from(source: KeyError) -> Self {
        Self::Cryptography(source.into())
    }
}

impl From<StoreError> for SessionError {
    fn from(source: StoreError) -> Self {
        Self::Unavailable(source.into())
    }
}

impl From<StoreError> for RegistryError {
    fn from(source: StoreError) -> Self {
        match source {
            StoreError::CallerRevoked => Self::CallerRevoked,
            source => Self::unavailable(source),
        }
    }
}

/// Returns the error for a part of the database that is damaged.
pub(crate) const fn corrupt<T>(what: &'static str) -> Result<T, StoreError> {
    Err(StoreError::Corrupt(what))
}

/// Returns whether an error is one of SQLite that it cannot open a file.
fn is_cannot_open(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref();
    error.is_some_and(|error| has_code(error, SQLITE_CANTOPEN))
}

/// Returns whether an error of SQLite has this primary code.
pub(crate) fn has_code(error: &sqlx::Error, primary: i32) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.and_then(|code| code.parse::<i32>().ok())
        .is_some_and(|code| code & 0xff == primary)
}
