use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

use countersign::directory::InvalidIssuerName;
use countersign::jose::{Algorithm, KeyError};
use countersign::random::RandomError;
use countersign::registry::{RegistryError, SessionError};
use countersign::time::Timestamp;

/// Why the store did not do what it was asked. Its text is one line that says what to do; no secret
/// and no record's contents are in it.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// The URL names no SQLite file.
    UnsupportedUrl,
    /// A file could not be made or read.
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The database's file was replaced or removed since it was opened.
    Replaced {
        /// The name that was its own.
        path: PathBuf,
    },
    /// The SQLite library has a known fault that can damage a database.
    SqliteTooOld {
        /// Its version.
        found: String,
    },
    /// SQLite cannot keep a write-ahead log where the database lies.
    NoWriteAheadLog,
    /// The database was written by a newer version of this program.
    NewerSchema {
        /// The migration that is not known here.
        version: i64,
    },
    /// The file is a database of something else.
    Foreign,
    /// There is a database, but not the master key that its secrets are sealed under.
    MasterKeyMissing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The master key is not 32 bytes in base64, or not random.
    MasterKeyMalformed,
    /// The master key was rotated, and this process does not have the new one.
    MasterKeyRotated,
    /// The master key is no file here, so that a new one has to be given.
    MasterKeyIsText,
    /// There is a file of that name, which is not written over.
    Exists {
        /// The name.
        path: PathBuf,
    },
    /// Another process has the database open.
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// The file is no backup that could be restored.
    NotABackup {
        /// The file.
        path: PathBuf,
        /// Why not.
        what: &'static str,
    },
    /// What is lost began to be lost earlier: the backup was made at this moment.
    LostSince {
        /// The moment.
        at: Timestamp,
    },
    /// A sealed secret does not open: the master key is another one, or the record was tampered with.
    Unseal {
        /// What is sealed.
        what: &'static str,
    },
    /// There is no issuer of that name.
    UnknownIssuer {
        /// The name.
        name: String,
    },
    /// That can be no issuer's name.
    IssuerName(InvalidIssuerName),
    /// The issuer's key is for another algorithm than the one that was asked for.
    OtherAlgorithm {
        /// The issuer's name.
        issuer: String,
        /// What its key is for.
        stored: Algorithm,
        /// What was asked for.
        wanted: Algorithm,
    },
    /// The issuer has no signing key of that id.
    UnknownSigningKey,
    /// The issuer has a signing key already that does not sign yet.
    RotationPending,
    /// HMAC secrets cannot stand beside key pairs (RFC 8725 §3.1).
    MixedAlgorithms,
    /// The credential that proved the caller does not stand any more.
    CallerRevoked,
    /// A record does not say what records say.
    Corrupt {
        /// Which part of it.
        what: &'static str,
    },
    /// The generator or the cryptographic library failed.
    Cryptography(Box<dyn Error + Send + Sync>),
    /// The database could not be read or written.
    Database(Box<dyn Error + Send + Sync>),
    /// The store was closed.
    Closed,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnsupportedUrl => f.write_str(
                "the database URL is not supported: give `sqlite://PATH` or `sqlite:PATH`, \
                 the path of a file without `?` and `#`",
            ),
            Self::File { path, source } => write!(
                f,
                "`{}` cannot be used: {source}; its folder must exist, and both must be open to this user",
                path.display()
            ),
            Self::Replaced { path } => write!(
                f,
                "`{}` is not the file that was opened: it was replaced or removed; restart the server",
                path.display()
            ),
            Self::SqliteTooOld { found } => write!(
                f,
                "SQLite {found} can damage a database: build with SQLite 3.51.3 or newer"
            ),
            Self::NoWriteAheadLog => f.write_str(
                "SQLite cannot keep its write-ahead log here: put the database on a local disk",
            ),
            Self::NewerSchema { version } => write!(
                f,
                "the database has migration {version}, which this version does not know: \
                 run a newer version, or restore a backup from before it"
            ),
            Self::Foreign => f.write_str(
                "the database belongs to something else: name another file, which may be missing",
            ),
            Self::MasterKeyMissing { path } => write!(
                f,
                "the master key `{}` is missing, and without it the database's secrets cannot be read: \
                 put the file back, or say where the key is",
                path.display()
            ),
            Self::MasterKeyMalformed => f.write_str(
                "the master key is malformed: 32 random bytes in base64 are expected; restore it from a backup",
            ),
            Self::MasterKeyRotated => f.write_str(
                "the master key was rotated, and this process has the old one: give it the new one, and restart it",
            ),
            Self::MasterKeyIsText => f.write_str(
                "the master key is not in a file that could be replaced: give the new one",
            ),
            Self::Exists { path } => write!(
                f,
                "`{}` exists already: name a file that does not",
                path.display()
            ),
            Self::InUse { path } => write!(
                f,
                "`{}` is open in another process: stop the server first",
                path.display()
            ),
            Self::NotABackup { path, what } => write!(
                f,
                "`{}` cannot be restored: {what}; take another backup",
                path.display()
            ),
            Self::LostSince { at } => write!(
                f,
                "what came {} ms after 1970 or later is lost: accept a loss since then, or since earlier",
                at.unix_millis()
            ),
            Self::Unseal { what } => write!(
                f,
                "{what} does not open: the master key is not the one of this database (put the right one \
                 back), or the record was changed by another hand (restore a backup)"
            ),
            Self::UnknownIssuer { name } => {
                write!(f, "there is no issuer `{name}`: name one that exists")
            }
            Self::IssuerName(source) => source.fmt(f),
            Self::OtherAlgorithm {
                issuer,
                stored,
                wanted,
            } => write!(
                f,
                "issuer `{issuer}` signs with {stored}, and {wanted} was asked for: \
                 configure {stored}, or rotate: `countersign signing-key rotate --algorithm {wanted}`"
            ),
            Self::UnknownSigningKey => f.write_str(
                "there is no signing key of that id: `signing-key list` shows all of them",
            ),
            Self::RotationPending => f.write_str(
                "a signing key is pending already: wait until it signs, or revoke it",
            ),
            Self::MixedAlgorithms => f.write_str(
                "an issuer does not change between HMAC and key pairs: set up another issuer",
            ),
            Self::CallerRevoked => f.write_str("the credentials do not stand any more"),
            Self::Corrupt { what } => write!(
                f,
                "the database is damaged ({what}): stop the server and restore a backup"
            ),
            Self::Cryptography(source) => write!(f, "no secret could be made: {source}; try again"),
            Self::Database(source) => write!(
                f,
                "the database cannot be read or written: {source}; check its disk and who else uses it"
            ),
            Self::Closed => f.write_str("the store was closed: open it again"),
        }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::File { source, .. } => Some(source),
            Self::IssuerName(source) => Some(source),
            Self::Cryptography(source) | Self::Database(source) => Some(&**source),
            _ => None,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(source: sqlx::Error) -> Self {
        match source {
            sqlx::Error::PoolClosed => Self::Closed,
            source => Self::Database(source.into()),
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
