//! What the services here say of themselves in the terms of OpenAPI 3.1.
//!
//! Whoever mounts a service asks it to [`Describe`] itself, and puts the operations under the path that it is mounted
//! at. A refusal's status, headers and media type are read off the very answers that the service gives, so that they
//! cannot differ from it.
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

mod answers;
mod documents;
mod endpoint;
mod envelope;
mod key_pair;
mod oauth;
mod scoped;
mod session;
mod token_requests;
mod values;

use countersign::mint::IssuanceSettings;
use utoipa::ToSchema;
use utoipa::openapi::path::{HttpMethod, Operation};
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Ref, RefOr};

use crate::Wire;

pub use answers::Answers;
pub(crate) use endpoint::too_many;
pub use values::{form, id, in_path, in_query, json, object, optional, scope, text};

/// A service that says which operations it has.
pub trait Describe {
    /// The operations. Their paths are empty, or lie below the one that the service is mounted at.
    fn describe(&self) -> Description;
}

/// A wire that says what its requests and answers look like.
pub trait DescribeWire: Wire {
    /// Requests and answers of a wire whose mint has these terms.
    fn describe(&self, terms: &IssuanceSettings) -> Shape;
}

/// What a wire's answers do not tell by themselves.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever writes a wire makes one")]
pub struct Shape {
    /// The operation's name, unique among all wires.
    pub id: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// The body that it reads.
    pub request: RequestBody,
    /// The body that tells of a token.
    pub issued: RefOr<Schema>,
    /// The body of every refusal.
    pub denied: RefOr<Schema>,
    /// The schemas that these name.
    pub schemas: Schemas,
}

/// Operations, and the schemas that they name.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Description {
    /// The operations.
    pub operations: Vec<Described>,
    /// The schemas.
    pub schemas: Schemas,
}

/// One operation.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Described {
    /// The path below the one that the service is mounted at; empty for that itself.
    pub path: &'static str,
    /// The method.
    pub method: HttpMethod,
    /// All else.
    pub operation: Operation,
}

impl Description {
    /// The same, with one more operation.
    #[must_use]
    pub fn with(
        mut self,
        path: &'static str,
        method: HttpMethod,
        operation: impl Into<Operation>,
    ) -> Self {
        self.operations.push(Described {
            path,
            method,
            operation: operation.into(),
        });
        self
    }

    /// The same, with schemas that its operations name.
    #[must_use]
    pub fn schemas(mut self, schemas: Schemas) -> Self {
        self.schemas.0.extend(schemas.0);
        self
    }
}

/// Schemas by name.
#[derive(Clone, Debug, Default)]
pub struct Schemas(Vec<(String, RefOr<Schema>)>);

impl Schemas {
    /// Takes a type's schema, and those that it names; the reference to it.
    pub fn add<T: ToSchema>(&mut self) -> RefOr<Schema> {
        let name = T::name();
        self.0.push((name.to_string(), T::schema()));
        T::schemas(&mut self.0);
        Ref::from_schema_name(name).into()
    }
}

impl IntoIterator for Schemas {
    type Item = (String, RefOr<Schema>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
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
    /// Basic: a user name and password, or the id and secret of a key.
    Basic,
}

impl Security {
    /// The name among a document's security schemes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::ApiKey => "api_key",
            Self::Basic => "basic",
        }
    }

    /// Any of these will do.
    #[must_use]
    pub fn any_of(schemes: &[Self]) -> Vec<SecurityRequirement> {
        let requirement = |scheme: &Self| SecurityRequirement::new(scheme.as_str(), [""; 0]);
        schemes.iter().map(requirement).collect()
    }
}
