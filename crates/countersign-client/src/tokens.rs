use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use crate::credentials::Credentials;
use crate::error::{TokenError, TokenErrorKind};
use crate::format::Format;
use crate::source::{Source, lock};
use crate::token::Token;
use crate::token_request::TokenRequest;

mod builder;
mod entry;

use entry::Entry;

pub use builder::{BuildError, TokensBuilder};

/// The largest number of different token requests whose tokens are kept.
const MAX_ENTRIES: usize = 64;

/// Tokens of one credential at one token endpoint, shared by all clones.
///
/// At most one request for the same scopes and resource is in flight. A token is renewed in the background after 75 %
/// to 90 % of its lifetime, while requests go on with the present one. If that fails, the present one is used as long
/// as it is valid, and the next attempt waits for what the server asked for in `Retry-After`, and at least 1 s, then
/// 2 s, 4 s, and so on up to 60 s, with a random part.
///
/// Needs tokio's runtime with its timer enabled.
#[derive(Clone)]
pub struct Tokens {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) source: Source,
    pub(crate) wanted: TokenRequest,
    pub(crate) entries: Mutex<Entries>,
}

#[derive(Default)]
pub(crate) struct Entries {
    by_request: HashMap<TokenRequest, (Arc<Entry>, u64)>,
    uses: u64,
}

/// Constructors: one for each format of token endpoints.
impl Tokens {
    /// Uses the token endpoint in the metadata of an OAuth issuer (RFC 8414, or OpenID Connect Discovery).
    pub fn discover(issuer: &str, credentials: Credentials) -> TokensBuilder {
        TokensBuilder::new(
            issuer,
            true,
            Format::OAuth {
                secret_in_form: false,
            },
            credentials,
        )
    }

    /// Uses an OAuth token endpoint (RFC 6749 §4.4) at a URL such as `https://auth.example/oauth/token`.
    pub fn oauth(url: &str, credentials: Credentials) -> TokensBuilder {
        TokensBuilder::new(
            url,
            false,
            Format::OAuth {
                secret_in_form: false,
            },
            credentials,
        )
    }

    /// Uses a token endpoint of the format `envelope`, such as `https://auth.example/auth/token`.
    pub fn envelope(url: &str, credentials: Credentials) -> TokensBuilder {
        TokensBuilder::new(url, false, Format::Envelope, credentials)
    }

    /// Uses a token endpoint of the format `scoped`, which takes an API key and needs at least one scope.
    pub fn scoped(url: &str, credentials: Credentials) -> TokensBuilder {
        TokensBuilder::new(url, false, Format::Scoped, credentials)
    }

    /// Creates a managed token at a URL such as `https://auth.example/api/v1/api_token`. Each process that starts
    /// creates one, with a record of its own.
    pub fn managed(url: &str, credentials: Credentials) -> TokensBuilder {
        TokensBuilder::new(url, false, Format::Managed, credentials)
    }

    /// Uses a token endpoint of the format `key_secret`, which takes the id and the secret of a key.
    pub fn key_secret(url: &str, credentials: Credentials) -> TokensBuilder {
        TokensBuilder::new(url, false, Format::KeySecret, credentials)
    }

    /// Uses a token endpoint of the format `session`, such as `https://auth.example/auth/login`.
    pub fn session(url: &str, credentials: Credentials) -> TokensBuilder {
        TokensBuilder::new(url, false, Format::Session, credentials)
    }
}

impl Tokens {
    /// Returns a token with the scopes of the builder, and requests one if there is none.
    ///
    /// # Errors
    ///
    /// [`TokenError`] if there is no valid token and none can be obtained now.
    pub async fn get(&self) -> Result<Token, TokenError> {
        self.get_for(None).await
    }

    /// Returns a token for `wanted`, or with the scopes of the builder.
    pub(crate) async fn get_for(&self, wanted: Option<&TokenRequest>) -> Result<Token, TokenError> {
        let (entry, wanted) = self.entry(wanted)?;
        entry.get(&self.shared, wanted).await
    }

    /// Returns another token than `rejected`, which a server has rejected, or `None` if there is no other.
    pub(crate) async fn replace(
        &self,
        wanted: Option<&TokenRequest>,
        rejected: &Token,
    ) -> Option<Token> {
        let (entry, wanted) = self.entry(wanted).ok()?;
        entry.replace(&self.shared, wanted, rejected).await
    }

    /// Requests another token than `rejected` in the background, for the next request.
    pub(crate) fn request_other(&self, wanted: Option<&TokenRequest>, rejected: &Token) {
        if let Ok((entry, wanted)) = self.entry(wanted) {
            entry.request_other(&self.shared, wanted, rejected);
        }
    }

    fn entry<'a>(
        &'a self,
        wanted: Option<&'a TokenRequest>,
    ) -> Result<(Arc<Entry>, &'a TokenRequest), TokenError> {
        let wanted = wanted.unwrap_or(&self.shared.wanted);
        if !self.shared.source.format.can_express(wanted) {
            return Err(TokenError::new(TokenErrorKind::Inexpressible));
        }
        Ok((lock(&self.shared.entries).find(wanted), wanted))
    }
}

impl Entries {
    /// Returns the entry for a request. If there are too many, the one that was not used for the longest time goes.
    fn find(&mut self, wanted: &TokenRequest) -> Arc<Entry> {
        self.uses += 1;
        if let Some((entry, used)) = self.by_request.get_mut(wanted) {
            *used = self.uses;
            return entry.clone();
        }
        if self.by_request.len() >= MAX_ENTRIES {
            let oldest = self.by_request.iter().min_by_key(|(_, (_, used))| *used);
            if let Some(oldest) = oldest.map(|(request, _)| request.clone()) {
                self.by_request.remove(&oldest);
            }
        }
        let entry = Arc::new(Entry::default());
        self.by_request
            .insert(wanted.clone(), (entry.clone(), self.uses));
        entry
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}
