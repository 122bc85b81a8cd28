use countersign::mint::IssuanceSettings;
use utoipa::openapi::Required;
use utoipa::openapi::schema::{ObjectBuilder, Type};

use super::{DescribeWire, Schemas, Shape, json, object, optional, text};
use crate::Envelope;
use crate::envelope::Enveloped;

impl DescribeWire for Envelope {
    fn describe(&self, terms: &IssuanceSettings) -> Shape {
        let mut schemas = Schemas::default();
        let lifetime = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .description(Some("The lifetime asked for, in seconds."))
            .minimum(Some(1_u64))
            .maximum(Some(terms.max_lifetime.as_secs()))
            .build();
        let mut grant = optional(text("For clients that send one."));
        grant.enum_values = Some(vec!["client_credentials".into(), ().into()]);
        let members = [("expireAfter", optional(lifetime)), ("grant_type", grant)];
        let mut request = json(optional(object(members, 0)));
        request.required = Some(Required::False);
        let enveloped = schemas.add::<Enveloped<'_>>();
        Shape {
            id: "envelope_token",
            summary: "An API key or Basic for a token, every answer in one envelope",
            request,
            issued: enveloped.clone(),
            denied: enveloped,
            schemas,
        }
    }
}
