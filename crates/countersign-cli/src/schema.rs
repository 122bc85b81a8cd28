//! Values of requests and responses, with their OpenAPI schemas.
//!
//! A type of another crate has no schema of its own: a field of such a type names one of these with
//! `#[schema(value_type = …)]`.

use std::borrow::Cow;
use std::fmt;

use countersign::jose;
use countersign::time::Timestamp;
use countersign_wire::openapi;
use serde::{Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, Object, Schema, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

/// A timestamp that is printed and serialized as RFC 3339 in UTC; one that is `None` is serialized as null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rfc3339<T = Timestamp>(pub T);

impl<T> From<T> for Rfc3339<T> {
    fn from(timestamp: T) -> Self {
        Self(timestamp)
    }
}

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_rfc3339())
    }
}

impl<T: Copy + Into<Option<Timestamp>>> Serialize for Rfc3339<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0
            .into()
            .map(Timestamp::to_rfc3339)
            .serialize(serializer)
    }
}

macro_rules! schemas {
    ($($(#[$doc:meta])* $name:ident: $schema:expr;)*) => {$(
        $(#[$doc])*
        pub enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                RefOr::T(Schema::Object($schema))
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )*};
}

schemas! {
    /// The id of an account, environment, credential or session.
    Id: openapi::id("An id.");
    /// A scope.
    Scope: openapi::scope();
    /// A timestamp in UTC.
    Time: {
        let mut time = openapi::text("A timestamp (RFC 3339).");
        time.format = Some(SchemaFormat::KnownFormat(KnownFormat::DateTime));
        time
    };
    /// The display name of a key, account or environment.
    Name: line("A display name.", 128);
    /// The reason for a revocation.
    Reason: line("The reason, for the record.", 256);
    /// The name of a user.
    UserName: {
        let mut name = openapi::text("A user name. It must not have the form of an id, and its case does not matter.");
        name.pattern = Some(r"^[A-Za-z0-9._@+\-]{1,64}$".to_owned());
        name
    };
    /// The password of a user.
    Password: {
        let mut password = openapi::text("A password of at most 1024 bytes in UTF-8.");
        password.pattern = Some(r"^[^\u0000-\u001f\u007f-\u009f]{1,1024}$".to_owned());
        password
    };
    /// A SHA-256 digest, or an HMAC with it.
    Sha256: {
        let mut digest = openapi::text("64 hexadecimal digits.");
        digest.pattern = Some("^[0-9a-fA-F]{64}$".to_owned());
        digest
    };
    /// The hash of a password.
    PasswordHash: openapi::text("A bcrypt hash, or an Argon2id hash as a PHC string.");
    /// A signature algorithm.
    Algorithm: {
        let mut algorithm = openapi::text("A JOSE algorithm name (RFC 7518, RFC 8037).");
        let names = jose::Algorithm::ALL.iter().map(|algorithm| algorithm.as_str());
        algorithm.enum_values = Some(names.map(Into::into).collect());
        algorithm
    };
    /// The name of an issuer.
    IssuerName: openapi::text("The name of an issuer in the configuration.");
    /// An address or a network.
    Network: openapi::text("An IP address, or a network in CIDR notation.");
}

impl PartialSchema for Rfc3339 {
    fn schema() -> RefOr<Schema> {
        Time::schema()
    }
}

impl ToSchema for Rfc3339 {
    fn name() -> Cow<'static, str> {
        Time::name()
    }
}

/// Returns the schema of a line of text without control characters.
fn line(description: &str, max_length: u32) -> Object {
    let mut line = openapi::text(description);
    let controls = r"\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff";
    line.pattern = Some(format!("^[^{controls}]{{1,{max_length}}}$"));
    line
}
