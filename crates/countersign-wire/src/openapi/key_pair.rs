use countersign::mint::Terms;

use super::{DescribeWire, Schemas, Shape, json, object, text};
use crate::KeyPair;
use crate::key_pair::{Denied, Issued};

impl DescribeWire for KeyPair {
    fn describe(&self, _: &Terms) -> Shape {
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
