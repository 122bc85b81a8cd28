//! The token endpoints.

use countersign::mint::IssuanceSettings;
use utoipa::openapi::schema::{Array, ArrayBuilder, Object, ObjectBuilder, OneOfBuilder, Schema};
use utoipa::openapi::{HttpMethod, Required};

use super::schemas::{number, one_of, scopes};
use super::{
    Describe, DescribeWire, Description, ResponsesBuilder, WireDescription, add_errors, form, json,
    json_response, object, operation, optional, request_id, scope, security, text, token_errors,
};
use crate::endpoint::TokenEndpoint;
use crate::envelope::{Envelope, EnvelopeResponse};
use crate::error::TokenError;
use crate::key_secret::{KeySecret, KeySecretErrorResponse, KeySecretTokenResponse};
use crate::oauth::{OAuth, OAuthErrorResponse, OAuthTokenResponse};
use crate::scoped::{Scoped, ScopedErrorResponse, ScopedTokenResponse};
use crate::session::{Session, SessionTokenResponse};

impl<W: DescribeWire> Describe for TokenEndpoint<W> {
    fn describe(&self) -> Description {
        let Some((wire, settings)) = self.operation() else {
            return Description::default();
        };
        let description = DescribeWire::describe(wire, settings);
        let responses = ResponsesBuilder::default();
        let responses = responses.add(&json_response(), "a token was issued", &description.token);
        let responses = add_errors(
            responses,
            token_errors(),
            TokenError::to_string,
            &description.error,
            |error| self.error_response(error, &request_id()),
        );
        let security = security(wire.credential_source());
        let operation = operation(description.id, description.summary, security, responses);
        let operation = operation.request_body(Some(description.request));
        Description::default()
            .with("", HttpMethod::Post, operation)
            .schemas(description.schemas)
    }
}

impl DescribeWire for Envelope {
    fn describe(&self, settings: &IssuanceSettings) -> WireDescription {
        let mut lifetime = number(1, settings.max_lifetime.as_secs());
        lifetime.description = Some("The requested lifetime, in seconds.".to_owned());
        let mut grant_type = optional(text("The grant type, for clients that send one."));
        grant_type.enum_values = Some(vec!["client_credentials".into(), ().into()]);
        let members = [
            ("expireAfter", optional(lifetime)),
            ("grant_type", grant_type),
        ];
        let mut request = json(optional(object(members, 0)));
        request.required = Some(Required::False);
        WireDescription::new::<EnvelopeResponse<'_>, EnvelopeResponse<'_>>(
            "envelope_token",
            "Exchange an API key or Basic credentials for a token in an envelope",
            request,
        )
    }
}

impl DescribeWire for Scoped {
    fn describe(&self, settings: &IssuanceSettings) -> WireDescription {
        let request = ObjectBuilder::new()
            .property("scope", Schema::Array(requested_scopes(settings)))
            .required("scope");
        WireDescription::new::<ScopedTokenResponse<'_>, ScopedErrorResponse<'_>>(
            "scoped_token",
            "Exchange an API key for a token with the named scopes",
            json(Schema::Object(request.build())),
        )
    }
}

/// Returns a list of scopes: those of the catalogue, if it has no wildcards.
fn requested_scopes(settings: &IssuanceSettings) -> Array {
    let names: Vec<_> = settings.catalogue.iter().collect();
    let has_patterns = names.iter().any(|name| name.contains('*'));
    let one = match names.is_empty() || has_patterns {
        true => scope(),
        false => one_of(names),
    };
    ArrayBuilder::new()
        .items(one)
        .min_items(Some(1))
        .description(Some(
            "The requested scopes. The key must hold each of them.",
        ))
        .build()
}

impl DescribeWire for KeySecret {
    fn describe(&self, _: &IssuanceSettings) -> WireDescription {
        let members = [
            ("keyId", text("The id of an API key.")),
            ("secret", text("The secret of the API key.")),
        ];
        WireDescription::new::<KeySecretTokenResponse<'_>, KeySecretErrorResponse>(
            "key_secret_token",
            "Exchange the id and the secret of a key, in the body, for a token",
            json(object(members, 2)),
        )
    }
}

impl DescribeWire for Session {
    fn describe(&self, _: &IssuanceSettings) -> WireDescription {
        let session = || ("session_id", optional(session_name()));
        let key = ("api_key", text("An API key."));
        let user = [
            ("username", text("The name of a user.")),
            ("password", text("The password of the user.")),
        ];
        let [id, secret] = client();
        let any = OneOfBuilder::new()
            .item(object([key, session()], 1))
            .item(object(user.into_iter().chain([session()]), 2))
            .item(object([id, secret, session()], 2));
        WireDescription::new::<SessionTokenResponse<'_>, OAuthErrorResponse>(
            "session_token",
            "Exchange an API key, a password or client credentials for the token of a session",
            json(Schema::OneOf(any.build())),
        )
    }
}

pub(super) fn session_name() -> Object {
    let mut name = text("The name of a session, chosen by the client: visible ASCII characters.");
    name.pattern = Some("^[!-~]{1,128}$".to_owned());
    name
}

impl DescribeWire for OAuth {
    fn describe(&self, _: &IssuanceSettings) -> WireDescription {
        let scope =
            scopes("The requested scopes, joined by spaces. The default is all scopes of the key.");
        let members = [
            ("grant_type", one_of(["client_credentials"])),
            ("scope", scope),
            ("resource", text("The audience of the token (RFC 8707).")),
        ];
        WireDescription::new::<OAuthTokenResponse<'_>, OAuthErrorResponse>(
            "oauth_token",
            "Exchange client credentials for a token (RFC 6749 §4.4)",
            form(object(members.into_iter().chain(client()), 1)),
        )
    }
}

/// Returns the members of `client_secret_post` (RFC 6749 §2.3.1).
pub(super) fn client() -> [(&'static str, Object); 2] {
    [
        (
            "client_id",
            text("The id of the API key. Required if the credentials are not in a header."),
        ),
        ("client_secret", text("The secret of the API key.")),
    ]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use countersign::auth::Authenticator;
    use countersign::directory::MemoryDirectory;
    use countersign::jose::{Algorithm, SigningKey};
    use countersign::key::{Pepper, Peppers};
    use countersign::mechanism::ApiKeys;
    use countersign::mint::{IssuanceSettings, Issuer, Mint};
    use countersign::random::SystemRandom;
    use countersign::time::SystemClock;
    use serde_json::{Value, json};

    use super::*;
    use crate::{Envelope, ErrorStatus, Scoped};

    fn described<W: DescribeWire + Clone>(wire: W, settings: IssuanceSettings) -> Value {
        let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
        let keys = ApiKeys::new(Arc::new(MemoryDirectory::default()), peppers);
        let authenticator = Authenticator::builder().primary(keys).build();
        let key = SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap();
        let issuer = Issuer::builder("https://auth.example").signing_key(key);
        let issuer = issuer.settings(settings).build().unwrap();
        let mint = Mint::new(issuer, SystemClock, SystemRandom);
        let endpoint = TokenEndpoint::new(wire, authenticator.unwrap(), mint);
        let not_found = endpoint.clone().not_found_service().describe();
        assert!(not_found.operations.is_empty());
        let mut description = endpoint.describe();
        let operation = description.operations.pop().unwrap().operation;
        serde_json::to_value(operation).unwrap()
    }

    #[test]
    fn envelope_that_reports_errors_in_itself_has_no_status_for_them() {
        let statuses = |error_status| {
            let wire = Envelope::default().error_status(error_status);
            let operation = described(wire, IssuanceSettings::default());
            let statuses = operation["responses"].as_object().unwrap().keys();
            statuses.cloned().collect::<Vec<_>>()
        };
        let all = ["200", "400", "401", "403", "413", "429", "500", "503"];
        assert_eq!(statuses(ErrorStatus::Http), all);
        assert_eq!(
            statuses(ErrorStatus::Envelope),
            ["200", "401", "403", "429"]
        );
    }

    #[test]
    fn scopes_and_lifetimes_are_those_of_the_settings() {
        let settings = |catalogue: &str| {
            let [hour, max] = [3600, 4000].map(std::time::Duration::from_secs);
            IssuanceSettings::new(hour, max).catalogue(catalogue.parse().unwrap())
        };
        let body = |operation: &Value, member: &str| {
            let body = &operation["requestBody"]["content"]["application/json"];
            body["schema"]["properties"][member].clone()
        };
        let envelope = described(Envelope::default(), settings("a:b"));
        assert_eq!(body(&envelope, "expireAfter")["maximum"], 4000);
        let named = described(Scoped::default(), settings("a:b c"));
        assert_eq!(body(&named, "scope")["items"]["enum"], json!(["a:b", "c"]));
        let pattern = described(Scoped::default(), settings("a:*"));
        assert!(body(&pattern, "scope")["items"]["pattern"].is_string());
    }

    #[test]
    fn errors_have_the_headers_that_they_are_sent_with() {
        let operation = described(Envelope::default(), IssuanceSettings::default());
        let headers = |status: &str| {
            let headers = operation["responses"][status]["headers"].as_object();
            headers.unwrap().keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(
            headers("401"),
            ["cache-control", "www-authenticate", "x-request-id"]
        );
        assert_eq!(
            headers("503"),
            ["cache-control", "retry-after", "x-request-id"]
        );
        assert!(headers("429").contains(&"ratelimit-policy".to_owned()));
    }
}
