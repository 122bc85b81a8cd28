use countersign::mint::IssuanceSettings;

use super::{DescribeWire, Schemas, Shape, json, object, text};
use crate::KeySecret;
use crate::key_pair::{Denied, Issued};

impl DescribeWire for KeySecret {
    fn describe(&self, _: &IssuanceSettings) -> Shape {
        let mut schemas = Schemas::default();
        let members = [
            ("keyId", text("The id of a key.")),
            ("secret", text("Its secret.")),
        ];
        Shape {
            id: "key_pair_token",
            summary: "A key's id and secret, in the body, for a token",
            request: json(object(members, 2)),
            issued: schemas.add::<Issued<'_>>(),
            denied: schemas.add::<Denied<'_>>(),
            schemas,
        }
    }
}
