//! What requests and answers name things by.

use std::borrow::Cow;

use countersign::jose;
use countersign_wire::openapi;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, Object, Schema, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

macro_rules! values {
    ($($(#[$doc:meta])* $name:ident: $schema:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) enum $name {}

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

values! {
    /// An id of anything.
    Id: openapi::id("An id.");
    /// A scope.
    Scope: openapi::scope();
    /// A moment in UTC.
    Moment: {
        let mut moment = openapi::text("A moment (RFC 3339).");
        moment.format = Some(SchemaFormat::KnownFormat(KnownFormat::DateTime));
        moment
    };
    /// What people call something.
    Name: line("What people call it.", 128);
    /// Why something was done.
    Reason: line("Why, for people.", 256);
    /// What a user logs in with.
    UserName: {
        let mut name = openapi::text("A name that has not the form of an id. Case does not matter.");
        name.pattern = Some(r"^[A-Za-z0-9._@+\-]{1,64}$".to_owned());
        name
    };
    /// A user's password.
    Password: {
        let mut password = openapi::text("At most 1024 bytes in UTF-8.");
        password.pattern = Some(r"^[^\u0000-\u001f\u007f-\u009f]{1,1024}$".to_owned());
        password
    };
    /// A signature algorithm.
    Algorithm: {
        let mut algorithm = openapi::text("As JOSE names it (RFC 7518, RFC 8037).");
        let names = jose::Algorithm::ALL.map(jose::Algorithm::as_str);
        algorithm.enum_values = Some(names.map(Into::into).to_vec());
        algorithm
    };
    /// The name of a configured issuer.
    IssuerName: openapi::text("The name of an issuer in the configuration.");
    /// An address, or a network of them.
    Network: openapi::text("An IP address, or a network as CIDR writes it.");
}

/// Some characters, none of which controls how text is shown.
fn line(description: &str, longest: u32) -> Object {
    let mut line = openapi::text(description);
    let controls = r"\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff";
    line.pattern = Some(format!("^[^{controls}]{{1,{longest}}}$"));
    line
}
