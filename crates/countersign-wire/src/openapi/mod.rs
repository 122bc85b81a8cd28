//! OpenAPI 3.1 descriptions of the services.
//!
//! A service [`Describe`]s its operations, and the program that mounts it adds its path to theirs. The status, the headers
//! and the media type of each error are taken from the response that the service gives, so that they cannot differ.
//!
//! ```
//! # use std::sync::Arc;
//! # use countersign::auth::Authenticator;
//! # use countersign::directory::MemoryDirectory;
//! # use countersign::jose::{Algorithm, SigningKey};
//! # use countersign::key::{Pepper, Peppers};
//! # use countersign::mechanism::ApiKeys;
//! # use countersign::mint::{Issuer, Mint};
//! # use countersign::random::SystemRandom;
//! # use countersign::time::SystemClock;
//! use countersign_wire::openapi::Describe as _;
//! use countersign_wire::{Scoped, TokenEndpoint};
//!
//! # let peppers = Peppers::new(Pepper::new(1, &[7; 32])?, []);
//! # let keys = ApiKeys::new(Arc::new(MemoryDirectory::default()), peppers);
//! # let authenticator = Authenticator::builder().primary(keys).build()?;
//! # let issuer = Issuer::builder("https://auth.example")
//! #     .signing_key(SigningKey::generate(Algorithm::EdDsa, &SystemRandom)?)
//! #     .build()?;
//! # let mint = Mint::new(issuer, SystemClock, SystemRandom);
//! let endpoint = TokenEndpoint::new(Scoped::default(), authenticator, mint);
//! let [post] = &endpoint.describe().operations[..] else { panic!("one operation") };
//! let statuses: Vec<_> = post.operation.responses.responses.keys().collect();
//! assert_eq!(statuses, ["200", "400", "401", "403", "429", "500", "503"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod managed;
mod resources;
mod responses;
mod schemas;
mod wires;

use countersign::Scopes;
use countersign::mint::IssuanceSettings;
use countersign::random::SystemRandom;
use countersign::time::Timestamp;
use http::{Response, StatusCode};
use utoipa::ToSchema;
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder};
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Ref, RefOr};

use crate::authenticate::RequestError;
use crate::error::{FieldErrorCode, Throttled, TokenError};
use crate::request_id::RequestId;
use crate::response::{self, ResponseBody, set_common_headers};
use crate::wire::{CredentialSource, Wire};

pub use responses::ResponsesBuilder;
pub use schemas::{form, id, in_path, in_query, json, object, optional, scope, text};

/// A service that describes its operations.
pub trait Describe {
    /// Returns the operations. Their paths are relative to the path that the service is mounted at.
    fn describe(&self) -> Description;
}

/// A wire that describes its requests and responses.
pub trait DescribeWire: Wire {
    /// Returns the description of the wire over a mint with these settings.
    fn describe(&self, settings: &IssuanceSettings) -> WireDescription;
}

/// The description of a wire.
#[derive(Clone, Debug)]
pub struct WireDescription {
    id: &'static str,
    summary: &'static str,
    request: RequestBody,
    token: RefOr<Schema>,
    error: RefOr<Schema>,
    schemas: Schemas,
}

impl WireDescription {
    /// Creates a description. `id` is the operation's id, unique among all wires, `summary` a line that says what the
    /// operation does, and `request` the body of requests. `T` is the body of a response with a token, and `E` that of an
    /// error.
    #[must_use]
    pub fn new<T: ToSchema, E: ToSchema>(
        id: &'static str,
        summary: &'static str,
        request: RequestBody,
    ) -> Self {
        let mut schemas = Schemas::default();
        Self {
            id,
            summary,
            request,
            token: schemas.add::<T>(),
            error: schemas.add::<E>(),
            schemas,
        }
    }
}

/// Operations, and the schemas that they refer to.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Description {
    /// The operations.
    pub operations: Vec<OperationDescription>,
    /// The schemas.
    pub schemas: Schemas,
}

/// One operation.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OperationDescription {
    /// The path below that of the service; empty for the service's own path.
    pub path: &'static str,
    /// The method.
    pub method: HttpMethod,
    /// The operation itself.
    pub operation: Operation,
}

impl Description {
    /// Adds an operation.
    #[must_use]
    pub fn with(
        mut self,
        path: &'static str,
        method: HttpMethod,
        operation: impl Into<Operation>,
    ) -> Self {
        self.operations.push(OperationDescription {
            path,
            method,
            operation: operation.into(),
        });
        self
    }

    /// Adds schemas that the operations refer to.
    #[must_use]
    pub fn schemas(mut self, schemas: Schemas) -> Self {
        self.schemas.0.extend(schemas.0);
        self
    }
}

/// Schemas by name.
#[derive(Clone, Debug, Default)]
pub struct Schemas(pub Vec<(String, RefOr<Schema>)>);

impl Schemas {
    /// Adds the schema of a type and those that it refers to, and returns a reference to it.
    pub fn add<T: ToSchema>(&mut self) -> RefOr<Schema> {
        let name = T::name();
        self.0.push((name.to_string(), T::schema()));
        T::schemas(&mut self.0);
        Ref::from_schema_name(name).into()
    }
}

/// The names of the security schemes that operations require.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Security {
    /// A bearer token.
    Bearer,
    /// An API key in its header.
    ApiKey,
    /// Basic: a user name and a password, or the id and the secret of a key.
    Basic,
}

impl Security {
    /// Returns the name in the security schemes of a document.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::ApiKey => "api_key",
            Self::Basic => "basic",
        }
    }

    /// Requires one of these schemes.
    #[must_use]
    pub fn any_of(schemes: &[Self]) -> Vec<SecurityRequirement> {
        let requirement = |scheme: &Self| SecurityRequirement::new(scheme.as_str(), [""; 0]);
        schemes.iter().map(requirement).collect()
    }
}

/// Returns the security of an endpoint. OpenAPI has no security scheme for credentials in a body.
fn security(source: CredentialSource) -> Vec<SecurityRequirement> {
    let headers = || Security::any_of(&[Security::ApiKey, Security::Basic]);
    match source {
        CredentialSource::ApiKeyHeader => Security::any_of(&[Security::ApiKey]),
        CredentialSource::Headers => headers(),
        CredentialSource::HeadersOrBody => {
            let in_body = SecurityRequirement::default();
            headers().into_iter().chain([in_body]).collect()
        }
        CredentialSource::Body => Vec::new(),
    }
}

/// Returns the errors that all endpoints with primary credentials have.
fn authentication_errors() -> [TokenError; 5] {
    [
        TokenError::Ambiguous,
        TokenError::Unauthenticated,
        TokenError::TooManyRequests(Throttled {
            retry_after: 1,
            policy: "mints",
            quota: Some((1, 1)),
        }),
        TokenError::Unavailable(1),
        TokenError::Internal,
    ]
}

/// Describes an error with the message that it is sent with. Every limit has its own message, so 429 has one for all.
fn describe_error(error: &TokenError, message: String) -> String {
    match error {
        TokenError::TooManyRequests(_) => {
            "too many failed authentications, or too many requests with this credential: try again \
             after the seconds in Retry-After"
                .to_owned()
        }
        _ => message,
    }
}

/// Returns the errors of a body.
fn body_errors() -> [TokenError; 3] {
    let invalid = TokenError::field(
        "body",
        FieldErrorCode::Malformed,
        "the request is not valid",
    );
    [invalid, TokenError::PayloadTooLarge, TokenError::CrossSite]
}

/// Returns the errors of a token endpoint.
fn token_errors() -> impl Iterator<Item = TokenError> {
    let own = [
        TokenError::InvalidLifetime,
        TokenError::InvalidScope(Scopes::none()),
        TokenError::Chaining,
    ];
    body_errors()
        .into_iter()
        .chain(own)
        .chain(authentication_errors())
}

/// Begins the description of an operation.
fn operation(
    id: impl Into<String>,
    summary: &str,
    security: Vec<SecurityRequirement>,
    responses: ResponsesBuilder,
) -> OperationBuilder {
    OperationBuilder::new()
        .operation_id(Some(id))
        .summary(Some(summary))
        .securities(Some(security))
        .responses(responses.build())
}

/// Adds errors, as the endpoint responds to them.
fn add_errors(
    responses: ResponsesBuilder,
    errors: impl IntoIterator<Item = TokenError>,
    message: fn(&TokenError) -> String,
    schema: &RefOr<Schema>,
    respond: impl Fn(RequestError) -> Response<ResponseBody>,
) -> ResponsesBuilder {
    errors.into_iter().fold(responses, |responses, error| {
        let message = describe_error(&error, message(&error));
        responses.add(&sent(respond(error.into())), message, schema)
    })
}

/// Returns a response of an endpoint that succeeded.
fn json_response() -> Response<ResponseBody> {
    sent(response::json(StatusCode::OK, &()))
}

/// Returns a response of an endpoint that succeeded and has no body.
fn empty_response(status: StatusCode) -> Response<ResponseBody> {
    sent(response::empty(status))
}

/// Adds the headers that a response has when it is sent.
fn sent(mut response: Response<ResponseBody>) -> Response<ResponseBody> {
    set_common_headers(&mut response, &request_id());
    response
}

fn request_id() -> RequestId {
    RequestId::new(Timestamp::from_unix_seconds(0), &SystemRandom)
}
