use countersign::mint::IssuanceSettings;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use super::values::scopes;
use super::{DescribeWire, Schemas, Shape, form, object, text};
use crate::OAuth;
use crate::oauth::{Denied, Issued};

impl DescribeWire for OAuth {
    fn describe(&self, _: &IssuanceSettings) -> Shape {
        let mut schemas = Schemas::default();
        let grant = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(["client_credentials"]))
            .build();
        let scope = scopes("The scopes asked for, joined by spaces; by default all that are held.");
        let resource = text("Whom the token is for (RFC 8707).");
        let members = [
            ("grant_type", grant),
            ("scope", scope),
            ("resource", resource),
        ];
        Shape {
            id: "oauth_token",
            summary: "The client credentials grant (RFC 6749 §4.4)",
            request: form(object(members.into_iter().chain(client()), 1)),
            issued: schemas.add::<Issued<'_>>(),
            denied: schemas.add::<Denied<'_>>(),
            schemas,
        }
    }
}

/// `client_secret_post` (RFC 6749 §2.3.1).
pub(super) fn client() -> [(&'static str, Object); 2] {
    [
        (
            "client_id",
            text("The id of a key, where the credentials are not in a header."),
        ),
        ("client_secret", text("Its secret.")),
    ]
}
