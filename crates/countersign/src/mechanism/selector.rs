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
            (SelectorKind::Prefix(_), SelectorKind::Tokens)
            | (SelectorKind::Tokens, SelectorKind::Prefix(_)) => false,
            _ => true,
        }
    }

    /// Returns whether it may select a bearer token. Only the prefix of an API key rules that out.
    pub(crate) fn may_select_bearer_tokens(&self) -> bool {
        match self.kind {
            SelectorKind::Tokens => true,
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
            SelectorKind::All | SelectorKind::Tokens => false,
        }
    }

    /// Returns whether it selects what other mechanisms do not select by a prefix.
    pub(crate) fn selects_rest(&self, credentials: &Credentials) -> bool {
        self.carrier == *credentials.carrier() && !matches!(self.kind, SelectorKind::Prefix(_))
    }
}

fn has_prefix(text: &[u8], prefix: &KeyPrefix) -> bool {
    text.strip_prefix(prefix.as_str().as_bytes())
        .is_some_and(|rest| rest.first() == Some(&b'_'))
}
