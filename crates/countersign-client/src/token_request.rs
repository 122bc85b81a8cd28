/// The scopes and the resource of a token. In the extensions of a request, it replaces those of the builder for this
/// request.
///
/// ```
/// use countersign_client::TokenRequest;
///
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(TokenRequest::scopes(["wallet:read"]).resource("https://wallet.example"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TokenRequest {
    pub(crate) scopes: Vec<String>,
    pub(crate) resource: Option<String>,
}

impl TokenRequest {
    /// Creates a request for these scopes. The order counts: another order is another token.
    pub fn scopes<T: Into<String>>(scopes: impl IntoIterator<Item = T>) -> Self {
        Self {
            scopes: scopes.into_iter().map(Into::into).collect(),
            resource: None,
        }
    }

    /// Sets the resource that the token is for (RFC 8707), which the server maps to an audience.
    #[must_use]
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resource = Some(resource.into());
        self
    }
}
