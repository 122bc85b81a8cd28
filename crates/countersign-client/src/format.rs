//! The six formats of a token request and its response.

use bytes::Bytes;
use countersign::url::form_encode as form;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use serde_json::{Map, Value, json};

use crate::credentials::{Credentials, Kind, basic, sensitive};
use crate::token_request::TokenRequest;

mod response;

pub(crate) use response::{Expiry, error_code, parse};

/// A format of token requests, as the crate `countersign-wire` serves them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// The client credentials grant (RFC 6749 §4.4). The secret is sent as Basic, or in the form.
    OAuth {
        secret_in_form: bool,
    },
    Envelope,
    Scoped,
    Managed,
    KeySecret,
    Session,
}

impl Format {
    /// Returns whether the format has a place for credentials of this kind.
    pub(crate) fn takes(self, credentials: &Credentials) -> bool {
        match (self, &credentials.0) {
            (Self::OAuth { .. }, Kind::Pair { is_user, .. }) => !is_user,
            (Self::KeySecret, Kind::Pair { is_user, .. }) => !is_user,
            (Self::Managed, Kind::Pair { is_user, .. }) => !is_user,
            (Self::Scoped, Kind::Pair { .. }) | (Self::KeySecret, Kind::ApiKey(_)) => false,
            _ => true,
        }
    }

    /// Returns whether a request can name scopes, and for `oauth` a resource.
    pub(crate) fn can_express(self, request: &TokenRequest) -> bool {
        let resource = request.resource.is_none() || matches!(self, Self::OAuth { .. });
        match self {
            Self::OAuth { .. } | Self::Managed => resource,
            Self::Scoped => resource && !request.scopes.is_empty(),
            Self::Envelope | Self::KeySecret | Self::Session => {
                resource && request.scopes.is_empty()
            }
        }
    }

    /// Creates the HTTP request. Returns `None` if the credentials do not fit into a header.
    pub(crate) fn request(
        self,
        url: &Uri,
        credentials: &Credentials,
        wanted: &TokenRequest,
        session_id: Option<&str>,
    ) -> Option<Request<Full<Bytes>>> {
        let mut body = self.body(wanted);
        let mut header = None;
        match (self, &credentials.0) {
            (Self::Session, Kind::ApiKey(key)) => set(&mut body, "api_key", key.expose()),
            (
                Self::Session,
                Kind::Pair {
                    is_user,
                    id,
                    secret,
                },
            ) => {
                let names = if *is_user {
                    ["username", "password"]
                } else {
                    ["client_id", "client_secret"]
                };
                set(&mut body, names[0], id);
                set(&mut body, names[1], secret.expose());
            }
            (Self::KeySecret, Kind::Pair { id, secret, .. }) => {
                set(&mut body, "keyId", id);
                set(&mut body, "secret", secret.expose());
            }
            (
                Self::OAuth {
                    secret_in_form: true,
                },
                Kind::Pair { id, secret, .. },
            ) => {
                set(&mut body, "client_id", id);
                set(&mut body, "client_secret", secret.expose());
            }
            (Self::OAuth { .. }, Kind::Pair { id, secret, .. }) => {
                // RFC 6749 §2.3.1: both parts are form-encoded before they become Basic credentials.
                header = Some((AUTHORIZATION, basic(&form(id), &form(secret.expose()))?));
            }
            (_, Kind::Pair { id, secret, .. }) => {
                header = Some((AUTHORIZATION, basic(id, secret.expose())?));
            }
            (_, Kind::ApiKey(key)) => {
                let name = http::HeaderName::from_static("x-api-key");
                header = Some((name, sensitive(key.expose())?));
            }
        }
        if let Some(session_id) = session_id {
            set(&mut body, "session_id", session_id);
        }
        let (content_type, body) = self.encode(body);
        let mut request = Request::new(Full::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = url.clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.extend(header);
        Some(request)
    }

    /// Returns the members of the body, without credentials.
    fn body(self, wanted: &TokenRequest) -> Map<String, Value> {
        let mut body = Map::new();
        match self {
            Self::OAuth { .. } => set(&mut body, "grant_type", "client_credentials"),
            Self::Managed => set(&mut body, "token_scope", "account"),
            _ => {}
        }
        if !wanted.scopes.is_empty() {
            match self {
                Self::OAuth { .. } => set(&mut body, "scope", &wanted.scopes.join(" ")),
                Self::Scoped => drop(body.insert("scope".to_owned(), json!(wanted.scopes))),
                _ => drop(body.insert("scopes".to_owned(), json!(wanted.scopes))),
            }
        }
        if let Some(resource) = &wanted.resource {
            set(&mut body, "resource", resource);
        }
        body
    }

    fn encode(self, body: Map<String, Value>) -> (&'static str, String) {
        let Self::OAuth { .. } = self else {
            return ("application/json", Value::from(body).to_string());
        };
        let pair = |(name, value): (&String, &Value)| {
            format!("{name}={}", form(value.as_str().unwrap_or_default()))
        };
        let pairs: Vec<_> = body.iter().map(pair).collect();
        ("application/x-www-form-urlencoded", pairs.join("&"))
    }
}

fn set(body: &mut Map<String, Value>, name: &str, value: &str) {
    body.insert(name.to_owned(), Value::from(value));
}
