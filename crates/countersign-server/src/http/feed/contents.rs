//! What a verifier learns, by its credential and its question.

use std::sync::Arc;
use std::time::Duration;

use countersign::directory::{Denial, Directory as _, EnvironmentKind};
use countersign::feed::{FeedCredentials, FeedMessage};
use countersign::{Id, PrimaryPrincipal};
use countersign_store::{FeedContents, KeyContents, KeyFilter};

use super::Inner;
use super::question::FeedQuery;
use crate::http::metrics;

/// How many API keys a verifier learns at most. In a message, each has some 250 bytes.
const MAX_KEYS: usize = 250_000;
/// How many records an answer with changes has, above which it counts as one with the whole state.
const MANY_RECORDS: usize = 4096;

/// What the credential of a verifier gives access to.
pub(super) struct Reach {
    /// The account that it is restricted to. Production credentials of the account `default` reach all.
    account: Option<Id>,
    /// Whether it is one of a sandbox, and learns the API keys of sandboxes only.
    is_sandbox: bool,
}

impl Inner {
    pub(super) fn reach(&self, principal: &PrimaryPrincipal) -> Reach {
        let principal = principal.principal();
        let default = self.store.default_account();
        let account = principal.account().copied().unwrap_or(default);
        let directory = self.store.directory();
        let credential = principal.credential_id();
        let found = credential.and_then(|id| directory.credential(id));
        let is_production =
            found.is_some_and(|found| found.environment_kind == EnvironmentKind::Production);
        Reach {
            account: (account != default || !is_production).then_some(account),
            is_sandbox: !is_production,
        }
    }

    pub(super) fn key_filter(&self, reach: &Reach) -> KeyFilter {
        KeyFilter {
            issuer: Arc::clone(&self.name),
            account: reach.account,
            is_sandbox: reach.is_sandbox,
            max: MAX_KEYS,
        }
    }

    pub(super) fn message(
        &self,
        contents: FeedContents,
        reach: &Reach,
        query: &FeedQuery,
        max_staleness: Duration,
    ) -> FeedMessage {
        let account = reach.account;
        let is_of_account = |id: &Id| account.is_none_or(|account| id.is_in_partition_of(&account));
        let concerns = |denial: &Denial| match denial {
            Denial::Below { entity, .. } => is_of_account(entity),
            Denial::Token { issuer, token, .. } => {
                **issuer == *self.issuer.url() && is_of_account(token)
            }
        };
        let cluster = self.store.cluster();
        let mut message = FeedMessage::new(self.issuer.url(), cluster, contents.history);
        message.after = contents.after.and_then(|number| u64::try_from(number).ok());
        message.head = u64::try_from(contents.head).unwrap_or_default();
        message.age = contents.age;
        message.max_staleness = max_staleness;
        message.account = account;
        message.nonce = query.nonce.as_str().into();
        message.jwks = self.issuer.jwks();
        message.denials = contents.denials;
        message.denials.retain(concerns);
        message.removed = contents.removed;
        message.removed.retain(is_of_account);
        message.credentials = contents.keys.map(credentials);
        message
    }
}

fn credentials(contents: KeyContents) -> FeedCredentials {
    let mut credentials = FeedCredentials::default();
    credentials.keys = contents.keys;
    credentials.removed = contents.removed;
    credentials.accounts = contents.accounts;
    credentials.peppers = contents.peppers;
    credentials
}

/// Returns whether an answer with changes is as large as one with the whole state may be.
pub(super) fn is_large(contents: &FeedContents) -> bool {
    let keys = contents.keys.as_ref().map_or(0, |keys| keys.keys.len());
    contents.after.is_none() || contents.denials.len() + keys > MANY_RECORDS
}

pub(super) fn count(contents: &FeedContents) {
    metrics::count_feed_answer(match contents {
        FeedContents { after: None, .. } => "snapshot",
        FeedContents {
            after: Some(after),
            head,
            ..
        } if after == head => "unchanged",
        _ => "delta",
    });
}
