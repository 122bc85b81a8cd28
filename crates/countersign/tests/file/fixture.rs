//! A folder with a file of credentials, and a service that accepts them.

use std::convert::Infallible;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::auth::AuthLayer;
use countersign::credentials::ClientAddress;
use countersign::file::{FileCredentials, FileError, GeneratedKey, generate_key};
use countersign::mechanism::FailureLimit;
use countersign::mechanism::password::PasswordHasher;
use countersign::random::SystemRandom;
use countersign::testing::FixedClock;
use countersign::time::Timestamp;
use countersign::{Principal, Scopes};
use http::{HeaderName, HeaderValue, Request, Response};
use tempfile::TempDir;
use tower::{Layer as _, ServiceExt as _, service_fn};

pub const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

/// A key of another system, and its SHA-256 digest.
pub const WHOLE_KEY: &str = "sk_live_4eC39HqLyjWDarjtT1zdp7dc";
pub const SHA256: &str = "78a08441f4314f0a2833cfe58c62e555a162264206982cda39f6804f5048f570";

/// A password, and its bcrypt hash of the lowest cost.
pub const PASSWORD: &str = "open sesame";
pub const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy";
/// The bcrypt hash of 72 times `a`.
pub const BCRYPT_OF_72_BYTES: &str = "$2b$04$abcdefghijklmnopqrstuuBzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe";
/// The bcrypt hash of `123£`.
pub const BCRYPT_OF_123_POUNDS: &str =
    "$2b$04$abcdefghijklmnopqrstuu2aG2DsX9FsX/hhmOneEyswww7FK9YLq";

/// A folder that is deleted at the end of the test.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn file(&self) -> PathBuf {
        self.path().join("credentials")
    }

    /// Replaces the file as a whole, as an operator should.
    pub fn write(&self, contents: impl AsRef<[u8]>) {
        let draft = self.path().join("draft");
        std::fs::write(&draft, contents).unwrap();
        std::fs::rename(draft, self.file()).unwrap();
    }

    /// Writes and opens the file.
    pub fn open(&self, toml: &str) -> FileCredentials {
        self.write(toml);
        FileCredentials::open(self.file()).unwrap()
    }

    pub fn error(&self, toml: impl AsRef<[u8]>) -> FileError {
        self.write(toml);
        FileCredentials::open(self.file()).unwrap_err()
    }

    pub fn open_htpasswd(&self, lines: impl AsRef<[u8]>) -> FileCredentials {
        self.write(lines);
        FileCredentials::htpasswd(self.file(), scopes()).unwrap()
    }

    pub fn htpasswd_error(&self, lines: impl AsRef<[u8]>) -> FileError {
        self.write(lines);
        FileCredentials::htpasswd(self.file(), scopes()).unwrap_err()
    }
}

pub fn scopes() -> Scopes {
    "calls:read".parse().unwrap()
}

/// Generates the key of an entry.
pub fn generate(name: &str) -> GeneratedKey {
    generate_key(name, &SystemRandom).unwrap()
}

/// The entry of a key, with further settings.
pub fn key_entry(name: &str, key: &GeneratedKey, settings: &str) -> String {
    let digest = &key.digest;
    format!("[[keys]]\nname = '{name}'\nscopes = ['calls:read']\ndigest = '{digest}'\n{settings}\n")
}

/// The entry of [`WHOLE_KEY`], with further settings.
pub fn whole_key_entry(name: &str, settings: &str) -> String {
    format!("[[keys]]\nname = '{name}'\nscopes = ['calls:read']\nsha256 = '{SHA256}'\n{settings}\n")
}

pub fn user_entry(name: &str, hash: &str, settings: &str) -> String {
    format!(
        "[[users]]\nname = '{name}'\nscopes = ['calls:read']\npassword_hash = '{hash}'\n{settings}\n"
    )
}

/// A service that accepts the keys and users of a file, and answers with the name and the scopes of the principal.
pub struct Service {
    pub clock: FixedClock,
    pub hasher: PasswordHasher,
    layer: AuthLayer,
}

impl Service {
    pub fn new(file: &FileCredentials) -> Self {
        Self::build(file, None)
    }

    pub fn with_limit(file: &FileCredentials, limit: FailureLimit) -> Self {
        Self::build(file, Some(limit))
    }

    fn build(file: &FileCredentials, limit: Option<FailureLimit>) -> Self {
        let clock = FixedClock::at(NOW);
        let hasher = PasswordHasher::new(1, SystemRandom).unwrap();
        let (mut keys, mut basic) = (file.api_keys(), file.basic(hasher.clone()));
        if let Some(limit) = limit {
            keys = keys.failure_limit(limit.clone());
            basic = basic.failure_limit(limit);
        }
        let layer = AuthLayer::builder()
            .primary(keys)
            .primary(basic)
            .clock(clock.clone());
        Self {
            layer: layer.build().unwrap(),
            clock,
            hasher,
        }
    }

    /// Sends a request with these headers in this order.
    pub async fn send(&self, headers: &[(&str, &[u8])]) -> Response<String> {
        self.send_from("192.0.2.1", headers).await
    }

    pub async fn send_from(&self, address: &str, headers: &[(&str, &[u8])]) -> Response<String> {
        let mut request = Request::get("/?access_token=x&api_key=x").body(()).unwrap();
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            let value = HeaderValue::from_bytes(value).unwrap();
            request.headers_mut().append(name, value);
        }
        let address: IpAddr = address.parse().unwrap();
        request
            .extensions_mut()
            .insert(ClientAddress::Known(address));
        let inner = service_fn(async |request: Request<()>| {
            let principal = request.extensions().get::<Principal>().unwrap();
            let (name, scopes) = (principal.name().unwrap_or_default(), principal.scopes());
            Ok::<_, Infallible>(Response::new(format!("{name}: {scopes}")))
        });
        self.layer.layer(inner).oneshot(request).await.unwrap()
    }

    pub async fn key(&self, key: &str) -> u16 {
        let response = self.send(&[("x-api-key", key.as_bytes())]).await;
        response.status().as_u16()
    }

    pub async fn basic(&self, name: &str, password: &str) -> u16 {
        let value = basic(name, password);
        let response = self.send(&[("authorization", value.as_bytes())]).await;
        response.status().as_u16()
    }
}

/// The value of `Authorization: Basic` (RFC 7617 §2).
pub fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

/// Everything of a response that a client sees.
pub fn visible(response: Response<String>) -> (u16, String, String) {
    let (head, body) = response.into_parts();
    (head.status.as_u16(), format!("{:?}", head.headers), body)
}
