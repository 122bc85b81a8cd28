use crate::credentials::{Carrier, Credentials};
use crate::key::KeyPrefix;

/// Selects the credentials that a mechanism handles: a carrier, and which credentials in it.
///
/// Two mechanisms may read one carrier if their selectors cannot overlap: API keys of different
/// prefixes, or API keys and tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialSelector {
    carrier: Carrier,
    kind: SelectorKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum SelectorKind {
    All,
    /// `<prefix>_…`. A token never matches: its header is a JSON object in base64url, whose third
    /// character is never `_`.
    Prefix(KeyPrefix),
    Tokens,
    /// Tokens that do not have the three parts of a signed token.
    Opaque,
}

impl CredentialSelector {
    /// Selects all credentials of the carrier.
    #[must_use]
    pub const fn all(carrier: Carrier) -> Self {
        Self::new(carrier, SelectorKind::All)
    }

    /// Selects API keys that begin with `<prefix>_`.
    #[must_use]
    pub const fn keys(carrier: Carrier, prefix: KeyPrefix) -> Self {
        Self::new(carrier, SelectorKind::Prefix(prefix))
    }

    /// Selects signed tokens.
    pub(super) const fn tokens(carrier: Carrier) -> Self {
        Self::new(carrier, SelectorKind::Tokens)
    }

    /// Selects tokens that are not signed tokens. API keys that another mechanism selects by their prefix are no tokens.
    #[cfg_attr(
        not(feature = "introspection"),
        expect(dead_code, reason = "opaque tokens are introspected")
    )]
    pub(super) const fn opaque_tokens(carrier: Carrier) -> Self {
        Self::new(carrier, SelectorKind::Opaque)
    }

    const fn new(carrier: Carrier, kind: SelectorKind) -> Self {
        Self { carrier, kind }
    }

    /// Returns the carrier.
    #[must_use]
    pub const fn carrier(&self) -> &Carrier {
        &self.carrier
    }

    /// Returns whether some credentials could be selected by both.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        if self.carrier != other.carrier {
            return false;
        }
        match (&self.kind, &other.kind) {
            (SelectorKind::Prefix(a), SelectorKind::Prefix(b)) => a == b,
            (SelectorKind::Prefix(_), SelectorKind::Tokens | SelectorKind::Opaque)
            | (SelectorKind::Tokens | SelectorKind::Opaque, SelectorKind::Prefix(_))
            | (SelectorKind::Tokens, SelectorKind::Opaque)
            | (SelectorKind::Opaque, SelectorKind::Tokens) => false,
            _ => true,
        }
    }

    /// Returns whether it may select a bearer token. Only the prefix of an API key rules that out. A browser adds a cookie by
    /// itself, so whatever it contains is a bearer token.
    pub(crate) fn may_select_bearer_tokens(&self) -> bool {
        match self.kind {
            _ if matches!(self.carrier, Carrier::Cookie(_)) => true,
            SelectorKind::Tokens | SelectorKind::Opaque => true,
            SelectorKind::All => self.carrier == Carrier::BEARER,
            SelectorKind::Prefix(_) => false,
        }
    }

    /// Returns whether it selects the credentials by their prefix.
    pub(crate) fn selects_prefix(&self, credentials: &Credentials) -> bool {
        match &self.kind {
            SelectorKind::Prefix(prefix) => {
                self.carrier == *credentials.carrier() && has_prefix(credentials.expose(), prefix)
            }
            SelectorKind::All | SelectorKind::Tokens | SelectorKind::Opaque => false,
        }
    }

    /// Returns whether it selects the credentials as an opaque token.
    pub(crate) fn selects_opaque(&self, credentials: &Credentials) -> bool {
        self.kind == SelectorKind::Opaque
            && self.carrier == *credentials.carrier()
            && !has_three_parts(credentials.expose())
    }

    /// Returns whether it selects what other mechanisms select neither by a prefix nor as an opaque token.
    pub(crate) fn selects_rest(&self, credentials: &Credentials) -> bool {
        let selects_all = matches!(self.kind, SelectorKind::All | SelectorKind::Tokens);
        selects_all && self.carrier == *credentials.carrier()
    }
}

/// Returns whether a token has the three parts of a signed token, well-formed or not (RFC 7515 §7.1). Such a token is never
/// introspected: the checks of signed tokens would have no effect if another server could accept what they reject.
fn has_three_parts(token: &[u8]) -> bool {
    memchr::memchr_iter(b'.', token).take(3).count() == 2
}

fn has_prefix(text: &[u8], prefix: &KeyPrefix) -> bool {
    text.strip_prefix(prefix.as_str().as_bytes())
        .is_some_and(|rest| rest.first() == Some(&b'_'))
}
