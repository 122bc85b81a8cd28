use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::directory::{Credential, Directory, StaleView, Usage, UserName};
use crate::id::Id;
use crate::key::KeyDigest;

/// The longest name of an issuer, in bytes.
const MAX_NAME: usize = 64;

/// The issuers that a credential may use, by name.
///
/// ```
/// use countersign::directory::Issuers;
///
/// let two: Issuers = "collections core".parse()?;
/// assert!(two.allow("core") && !two.allow("default"));
/// assert!(Issuers::all().allow("default"));
/// assert!("Core!".parse::<Issuers>().is_err());
/// # Ok::<(), countersign::directory::InvalidIssuerName>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Issuers(Option<Arc<[Box<str>]>>);

impl Issuers {
    /// Allows all issuers, including those added later.
    #[must_use]
    pub const fn all() -> Self {
        Self(None)
    }

    /// Allows the named issuers. Without a name, allows all.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidIssuerName`] if a name is invalid.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidIssuerName> {
        let mut list: Vec<Box<str>> = Vec::new();
        for name in names {
            if !is_name(name) {
                return Err(InvalidIssuerName);
            }
            list.push(name.into());
        }
        list.sort_unstable();
        list.dedup();
        Ok(Self((!list.is_empty()).then(|| list.into())))
    }

    /// Returns whether the issuer with this name may be used.
    #[must_use]
    pub fn allow(&self, issuer: &str) -> bool {
        self.0
            .as_ref()
            .is_none_or(|names| names.iter().any(|name| **name == *issuer))
    }

    /// Returns whether all issuers are allowed.
    #[must_use]
    pub const fn is_all(&self) -> bool {
        self.0.is_none()
    }

    /// Returns whether every issuer that `other` allows is allowed.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.is_all() || (!other.is_all() && other.iter().all(|name| self.allow(name)))
    }

    /// Returns the names in alphabetical order, or none if all issuers are allowed.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .flat_map(|names| names.iter())
            .map(|name| &**name)
    }
}

fn is_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(plain)
}

impl fmt::Display for Issuers {
    /// Writes the names, joined by spaces; nothing if all issuers are allowed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iter().collect::<Vec<_>>().join(" "))
    }
}

impl serde::Serialize for Issuers {
    /// Serializes a list of the names; an empty one if all issuers are allowed.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl FromStr for Issuers {
    type Err = InvalidIssuerName;

    fn from_str(text: &str) -> Result<Self, InvalidIssuerName> {
        Self::named(text.split_ascii_whitespace())
    }
}

/// The text is not a valid issuer name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an issuer name must have 1 to 64 lower-case letters, digits and hyphens")]
pub struct InvalidIssuerName;

/// The view of a directory for one of several issuers. A credential that may not use the issuer does
/// not exist in it; denials apply to every issuer.
pub struct IssuerDirectory<D> {
    directory: D,
    issuer: Box<str>,
}

impl<D: Directory> IssuerDirectory<D> {
    /// Creates the view of `directory` for the issuer with this name.
    pub fn new(directory: D, issuer: impl Into<Box<str>>) -> Self {
        Self {
            directory,
            issuer: issuer.into(),
        }
    }
}

impl<D: Directory> Directory for IssuerDirectory<D> {
    fn credential(&self, id: &Id) -> Option<Credential> {
        let found = self.directory.credential(id);
        found.filter(|found| found.issuers.allow(&self.issuer))
    }

    fn user(&self, name: &UserName) -> Option<Credential> {
        let found = self.directory.user(name);
        found.filter(|found| found.issuers.allow(&self.issuer))
    }

    fn has_users(&self) -> bool {
        self.directory.has_users()
    }

    fn costliest_password(&self) -> Option<Arc<str>> {
        self.directory.costliest_password()
    }

    fn imported_key(&self, digest: &KeyDigest) -> Option<Credential> {
        let found = self.directory.imported_key(digest);
        found.filter(|found| found.issuers.allow(&self.issuer))
    }

    fn lowest_generation(&self, entity: &Id) -> Option<u32> {
        self.directory.lowest_generation(entity)
    }

    fn accepts_generation(&self, entity: &Id, generation: u32) -> bool {
        self.directory.accepts_generation(entity, generation)
    }

    fn is_denied(&self, issuer: &str, token: &Id) -> bool {
        self.directory.is_denied(issuer, token)
    }

    fn check_freshness(&self) -> Result<(), StaleView> {
        self.directory.check_freshness()
    }

    fn stores_password_upgrades(&self) -> bool {
        self.directory.stores_password_upgrades()
    }

    fn used(&self, usage: Usage) {
        self.directory.used(usage);
    }
}

impl<D> fmt::Debug for IssuerDirectory<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IssuerDirectory({})", self.issuer)
    }
}
