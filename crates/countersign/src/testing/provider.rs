use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::TestToken;
use super::server::{Resource, Server};
use crate::jose::{Algorithm, SigningKey};
use crate::random::SystemRandom;
use crate::time::{Clock, Timestamp};
use crate::url;

/// Declares the providers in one table, so that `Provider::ALL` is complete.
macro_rules! providers {
    ($($(#[doc = $doc:literal])+ $name:ident = $file:literal;)+) => {
        /// An identity provider, whose documents and tokens [`TestProvider`] imitates.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Provider {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Provider {
            /// Every provider.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            const fn fixture(self) -> &'static str {
                match self {
                    $(Self::$name => include_str!(concat!("providers/", $file, ".json")),)+
                }
            }
        }
    };
}

providers! {
    /// Microsoft Entra ID: an access token of version 1, for a user.
    EntraV1 = "entra_v1";
    /// Microsoft Entra ID: an access token of version 2, for a user with app roles.
    EntraV2 = "entra_v2";
    /// Microsoft Entra ID: the token of a managed identity, which is valid for 24 hours and 5 minutes.
    EntraManagedIdentity = "entra_managed_identity";
    /// Microsoft Entra ID: an application of several tenants, whose metadata name the issuer by a template.
    EntraMultiTenant = "entra_multi_tenant";
    /// Google: an ID token.
    Google = "google";
    /// Auth0: an access token with permissions.
    Auth0 = "auth0";
    /// Okta: an access token of a custom authorization server.
    Okta = "okta";
    /// AWS Cognito: an access token, which has no `aud`.
    CognitoAccess = "cognito_access";
    /// AWS Cognito: an ID token.
    CognitoId = "cognito_id";
    /// Keycloak: an access token with roles of the realm and of clients.
    Keycloak = "keycloak";
    /// Zitadel: an access token with roles of the project.
    Zitadel = "zitadel";
    /// Authentik: an access token with groups.
    Authentik = "authentik";
    /// Firebase Authentication: an ID token with a custom claim.
    Firebase = "firebase";
    /// GitHub Actions: the ID token of a job.
    GitHubActions = "github_actions";
    /// GitHub Enterprise Server: the ID token of a job.
    GitHubEnterprise = "github_enterprise";
    /// GitLab CI: the ID token of a job.
    GitLab = "gitlab";
    /// Kubernetes: the token of a service account, valid for a year.
    Kubernetes = "kubernetes";
    /// SPIFFE: a JWT-SVID, which has no `iss`.
    Spiffe = "spiffe";
    /// Cloudflare Access: the token in the header `Cf-Access-Jwt-Assertion`.
    CloudflareAccess = "cloudflare_access";
    /// SAP XSUAA: an access token.
    Xsuaa = "xsuaa";
    /// Ory Hydra: an access token.
    Hydra = "hydra";
    /// Dex: an ID token with groups.
    Dex = "dex";
    /// The server of this project: an access token.
    Countersign = "countersign";
}

/// An imitation of an identity provider, over HTTP on a free port of the loopback interface.
///
/// Its discovery document, key set, headers and claims have the members that the provider documents. Its keys are
/// generated.
///
/// ```
/// # #[cfg(feature = "http-client")]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # tokio_test::block_on(async {
/// use countersign::mechanism::Jwt;
/// use countersign::testing::{Provider, TestProvider};
/// use countersign::time::{Clock, SystemClock};
///
/// let keycloak = TestProvider::start(Provider::Keycloak, SystemClock)?;
/// let jwt = Jwt::issuer(keycloak.url())
///     .audience(keycloak.audience())
///     .scopes_from([["realm_access", "roles"]])
///     .build()?;
/// for keys in jwt.issuers().filter_map(|issuer| issuer.remote_keys()) {
///     keys.refresh().await?;
/// }
/// let principal = jwt.introspect(&keycloak.token().sign()?, SystemClock.now()).unwrap();
/// assert!(principal.scopes().iter().any(|role| role == "admin"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })
/// # }
/// # #[cfg(not(feature = "http-client"))]
/// # fn main() {}
/// ```
pub struct TestProvider {
    fixture: Fixture,
    clock: Arc<dyn Clock>,
    signing: SigningKey,
    _server: Server,
}

/// What a provider publishes and issues. The server replaces the origins of the provider by its own.
#[derive(Clone, Serialize, Deserialize)]
struct Fixture {
    url: String,
    audience: String,
    origins: Vec<String>,
    /// Documents by their URLs.
    documents: BTreeMap<String, Value>,
    jwks_url: String,
    jwks: Jwks,
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Jwks {
    /// The keys, without the members that are the public key itself.
    keys: Vec<Map<String, Value>>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl TestProvider {
    /// Starts the imitation of a provider, whose tokens are issued at the time of `clock`.
    ///
    /// # Errors
    ///
    /// Returns an error if no port is free, or if no key could be generated.
    pub fn start(provider: Provider, clock: impl Clock) -> io::Result<Self> {
        let mut fixture: Fixture = serde_json::from_str(provider.fixture())?;
        let mut signing = None;
        for jwk in &mut fixture.jwks.keys {
            let key = generate(jwk)?;
            jwk.extend(public_members(&key)?);
            if jwk.get("kid") == fixture.header.get("kid") {
                signing = Some(key);
            }
        }
        let signing = signing.ok_or_else(|| io::Error::other("no key of the fixture signs"))?;
        let server = Server::start(|address| {
            fixture = fixture.at(&format!("http://{address}"));
            let documents = fixture.documents.iter();
            let documents = documents.map(|(url, document)| (url, document.to_string()));
            let keys = serde_json::to_string(&fixture.jwks).unwrap_or_default();
            let resources = documents.chain([(&fixture.jwks_url, keys)]);
            let resource =
                |(url, document): (&String, String)| Resource::new([url::split(url).1], document);
            resources.map(resource).collect()
        })?;
        Ok(Self {
            fixture,
            clock: Arc::new(clock),
            signing,
            _server: server,
        })
    }

    /// Returns the URL of the issuer, or the name of the trust domain for SPIFFE. For
    /// [`EntraMultiTenant`](Provider::EntraMultiTenant), it contains `{tenantid}`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.fixture.url
    }

    /// Returns the audience that its tokens are for.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.fixture.audience
    }

    /// Returns the URL of its key set.
    #[must_use]
    pub fn jwks_url(&self) -> &str {
        &self.fixture.jwks_url
    }

    /// Creates a valid token, which a test can change and then sign.
    pub fn token(&self) -> TestToken {
        let now = self.clock.now();
        let mut claims = self.fixture.claims.clone();
        let issued = claims
            .get("iat")
            .and_then(Value::as_i64)
            .unwrap_or_default();
        let shift = now.unix_seconds().saturating_sub(issued);
        for name in ["iat", "nbf", "exp", "auth_time"] {
            if let Some(seconds) = claims.get(name).and_then(Value::as_i64) {
                claims.insert(name.to_owned(), seconds.saturating_add(shift).into());
            }
        }
        TestToken {
            header: self.fixture.header.clone(),
            claims,
            signing_key: self.signing.clone(),
            now: Timestamp::from_unix_seconds(now.unix_seconds()),
        }
    }
}

impl Fixture {
    /// Returns the fixture with this origin in place of those of the provider.
    fn at(&self, origin: &str) -> Self {
        let mut text = serde_json::to_string(self).unwrap_or_default();
        for original in &self.origins {
            text = text.replace(original, origin);
        }
        serde_json::from_str(&text).unwrap_or_else(|_| self.clone())
    }
}

/// Generates a key for an incomplete JWK.
fn generate(jwk: &Map<String, Value>) -> io::Result<SigningKey> {
    let algorithm = match jwk.get("kty").and_then(Value::as_str) {
        Some("EC") => Algorithm::Es256,
        Some("OKP") => Algorithm::EdDsa,
        _ => Algorithm::Rs256,
    };
    SigningKey::generate(algorithm, &SystemRandom).map_err(io::Error::other)
}

/// Returns the members of the JWK that are the public key itself.
fn public_members(key: &SigningKey) -> io::Result<Map<String, Value>> {
    let jwk = key.public_jwk().unwrap_or_default();
    let mut members: Map<String, Value> = serde_json::from_str(&jwk)?;
    members.retain(|name, _| ["kty", "crv", "x", "y", "n", "e"].contains(&name.as_str()));
    Ok(members)
}

impl fmt::Debug for TestProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestProvider")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}
