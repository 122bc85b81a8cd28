use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::server::{IssuerResponse, Resource, Server};
use crate::jose::encode_into;
use crate::random::{Random as _, SystemRandom};
use crate::secret::Secret;
use crate::time::Clock;

/// An issuer of opaque tokens with an introspection endpoint (RFC 7662). It serves HTTP on a free port of the loopback
/// interface until it is dropped.
///
/// The endpoint requires `client_secret_basic`. It answers with what a test has set for a token, and `"active":false` for all
/// other tokens. It counts the requests. The [mechanism](crate::mechanism) `OpaqueTokens` has an example.
pub struct TestOpaqueIssuer {
    url: Box<str>,
    clock: Arc<dyn Clock>,
    server: Server,
    tokens: Tokens,
}

type Answers = HashMap<String, Map<String, Value>>;

/// The answers about tokens, which the server reads.
#[derive(Clone, Default)]
struct Tokens(Arc<Mutex<Answers>>);

impl Tokens {
    fn lock(&self) -> MutexGuard<'_, Answers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const PATH: &str = "/introspect";
/// The id `test client` and the secret `50% open: sesame`, form-encoded and then base64 (RFC 6749 §2.3.1).
const AUTHORIZATION: &str = "Basic dGVzdCUyMGNsaWVudDo1MCUyNSUyMG9wZW4lM0ElMjBzZXNhbWU=";

impl TestOpaqueIssuer {
    /// The audience (`aud`) of its tokens.
    pub const AUDIENCE: &'static str = "https://api.test";
    /// The id of the client that may introspect tokens.
    pub const CLIENT_ID: &'static str = "test client";

    /// Returns the secret of the client.
    #[must_use]
    pub fn client_secret() -> Secret {
        Secret::from("50% open: sesame".to_owned())
    }

    /// Starts an issuer whose tokens are issued at the time of `clock`.
    ///
    /// # Errors
    ///
    /// Returns an error if no port is free.
    pub fn start(clock: impl Clock) -> io::Result<Self> {
        let tokens = Tokens::default();
        let known = tokens.clone();
        let server = Server::start(|_| {
            let introspect = move |head: &str, body: &str| introspect(&known, head, body);
            vec![Resource::answered_by([PATH], introspect)]
        })?;
        Ok(Self {
            url: format!("http://{}", server.address()).into(),
            clock: Arc::new(clock),
            server,
            tokens,
        })
    }

    /// Returns the URL of the issuer, the `iss` of its answers.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the URL of the introspection endpoint.
    #[must_use]
    pub fn introspection_url(&self) -> String {
        format!("{}{PATH}", self.url)
    }

    /// Issues a token of the subject `alice` that is valid for 300 seconds, and has no scopes.
    ///
    /// # Errors
    ///
    /// Returns an error if there are no random bytes.
    pub fn issue(&self) -> io::Result<String> {
        let mut bytes = [0; 32];
        SystemRandom.fill(&mut bytes).map_err(io::Error::other)?;
        let mut token = String::new();
        encode_into(&bytes, &mut token);
        let now = self.clock.now().unix_seconds();
        let answer = json!({
            "active": true,
            "iss": &*self.url,
            "aud": Self::AUDIENCE,
            "sub": "alice",
            "client_id": "test-client",
            "token_type": "Bearer",
            "iat": now,
            "exp": now.saturating_add(300),
        });
        let answer = answer.as_object().cloned().unwrap_or_default();
        self.tokens.lock().insert(token.clone(), answer);
        Ok(token)
    }

    /// Sets a member of the answer about a token. A value that JSON cannot represent becomes `null`.
    pub fn set(&self, token: &str, member: &str, value: impl Serialize) {
        let value = serde_json::to_value(value).unwrap_or_default();
        let mut tokens = self.tokens.lock();
        let answer = tokens.entry(token.to_owned()).or_default();
        answer.insert(member.to_owned(), value);
    }

    /// Removes a member of the answer about a token.
    pub fn remove(&self, token: &str, member: &str) {
        if let Some(answer) = self.tokens.lock().get_mut(token) {
            answer.remove(member);
        }
    }

    /// Revokes a token.
    pub fn revoke(&self, token: &str) {
        self.tokens.lock().remove(token);
    }

    /// Sets the response to every request.
    pub fn set_response(&self, response: IssuerResponse) {
        let set = |endpoint: &mut Resource| endpoint.response = response;
        self.server.site().resource(PATH, set);
    }

    /// Returns the number of requests.
    #[must_use]
    pub fn introspections(&self) -> u64 {
        let requests = |endpoint: &mut Resource| endpoint.requests;
        let requests = self.server.site().resource(PATH, requests);
        requests.unwrap_or_default()
    }
}

/// Answers a request with a status and a body.
fn introspect(tokens: &Tokens, head: &str, body: &str) -> (u16, String) {
    let (request_line, fields) = head.split_once("\r\n").unwrap_or((head, ""));
    let has = |name: &str, value: &str| {
        let mut fields = fields.lines().filter_map(|line| line.split_once(':'));
        fields.any(|(field, text)| field.eq_ignore_ascii_case(name) && text.trim() == value)
    };
    if !request_line.starts_with("POST ")
        || !has("content-type", "application/x-www-form-urlencoded")
    {
        return (400, String::new());
    }
    if !has("authorization", AUTHORIZATION) {
        return (401, String::new());
    }
    let mut parameters = body.split('&').filter_map(|pair| pair.split_once('='));
    let token = parameters.find_map(|(name, value)| (name == "token").then_some(value));
    let answer = token.and_then(|token| tokens.lock().get(token).cloned());
    let answer = answer.map_or_else(|| json!({ "active": false }), Value::Object);
    (200, answer.to_string())
}

impl fmt::Debug for TestOpaqueIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestOpaqueIssuer")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}
