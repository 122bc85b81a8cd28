//! What a creation asks for, and whether it may be had.

use std::fmt;
use std::time::Duration;

use countersign::directory::{CredentialKind, EnvironmentKind};
use countersign::mint::{IssuanceSettings, ScopeError};
use countersign::principal::PrimaryPrincipal;
use countersign::registry::NewToken;
use countersign::time::Timestamp;
use countersign::{Id, Scopes, Secret};

use super::once::IdempotencyMember;
use super::problem::{Errors, Problem, What};
use crate::json::{Json, Object, not_secret};

const DAY: u64 = 24 * 3600;

/// How long tokens live.
#[derive(Clone, Copy)]
pub(super) struct Lifetimes {
    pub(super) default: Duration,
    pub(super) max: Duration,
}

/// What a new token is measured by.
pub(super) struct Measure<'a> {
    pub(super) creator: &'a PrimaryPrincipal,
    /// The scopes that the issuer's tokens may have.
    pub(super) settings: &'a IssuanceSettings,
    pub(super) lifetimes: Lifetimes,
    pub(super) now: Timestamp,
}

impl Measure<'_> {
    /// Reads a body, bare or wrapped in `details`. All that is wrong with it is told at once.
    pub(super) fn read(
        &self,
        mut body: Object,
        account: Id,
    ) -> Result<(NewToken, Option<IdempotencyMember>), Problem> {
        let mut errors = Errors::new();
        let mut key = IdempotencyMember::take(&mut body, &mut errors);
        let mut members = Members {
            object: match body.take_value("details") {
                None => body,
                Some(Json::Object(mut details)) => {
                    // Whoever wraps all of it means it no less.
                    let wrapped = IdempotencyMember::take(&mut details, &mut errors);
                    if key.is_some() && wrapped.is_some() {
                        flaw(&mut errors, "idempotency_key", "must be given once");
                    }
                    key = key.or(wrapped);
                    details
                }
                Some(_) => {
                    flaw(&mut errors, "details", "must be an object");
                    return Err(What::Invalid(errors).into());
                }
            },
            errors,
        };
        let named = members.id("account_id");
        let environment = members.environment();
        let expires_at = members.expires_at(self);
        let scopes = members.scopes(self);
        // What was asked with a key may have been done when it was not too late.
        if expires_at <= self.now && key.is_none() {
            members.flaw("expires_at", TooLate::MESSAGE);
        }
        // What is for trying things out makes nothing that counts.
        let own = self.creator.principal().environment().copied();
        if self.creator.environment_kind() == EnvironmentKind::Sandbox && environment != own {
            members.flaw(
                "environment_id",
                "must be the sandbox that the creator belongs to",
            );
        }
        if !members.errors.is_empty() {
            return Err(What::Invalid(members.errors).into());
        }
        if named.is_some_and(|named| named != account) {
            let why = "a token can be created in the caller's own account alone";
            return Err(What::NotPermitted(why).into());
        }
        let by_user = self.creator.principal().credential_kind() == Some(CredentialKind::User);
        let creator = self.creator.principal().credential_id().copied();
        let mut new = NewToken::new(scopes, expires_at);
        new.owner.account = Some(account);
        new.owner.environment = environment;
        new.created_by = creator.filter(|_| by_user);
        Ok((new, key))
    }
}

/// The token would have expired before it was made.
#[derive(Debug)]
pub(super) struct TooLate;

impl TooLate {
    const MESSAGE: &str = "must be in the future";

    /// What it is to whoever asked.
    pub(super) fn problem() -> Problem {
        let mut errors = Errors::new();
        flaw(&mut errors, "expires_at", Self::MESSAGE);
        What::Invalid(errors).into()
    }
}

impl fmt::Display for TooLate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the token would have expired before it was made")
    }
}

impl std::error::Error for TooLate {}

pub(super) fn flaw(errors: &mut Errors, member: &'static str, message: impl Into<String>) {
    errors.entry(member).or_default().push(message.into());
}

struct Members {
    object: Object,
    errors: Errors,
}

impl Members {
    fn flaw(&mut self, member: &'static str, message: impl Into<String>) {
        flaw(&mut self.errors, member, message);
    }

    fn text(&mut self, name: &'static str) -> Option<Secret> {
        match self.object.take_value(name)? {
            Json::Text(text) => Some(text),
            _ => {
                self.flaw(name, "must be a string");
                None
            }
        }
    }

    fn id(&mut self, name: &'static str) -> Option<Id> {
        let id = self.text(name)?.expose().parse();
        if id.is_err() {
            self.flaw(name, "must be an id");
        }
        id.ok()
    }

    fn environment(&mut self) -> Option<Id> {
        const NAME: &str = "environment_id";
        let environment = self.id(NAME);
        let given = environment.is_some() || self.errors.contains_key(NAME);
        match self.object.take_value("token_scope") {
            None => self.flaw("token_scope", "is required"),
            Some(Json::Text(scope)) => match scope.expose() {
                "environment" if !given => {
                    self.flaw(NAME, "is required where token_scope is environment");
                }
                "account" if given => {
                    self.flaw(NAME, "must be null where token_scope is account");
                }
                "account" | "environment" => {}
                _ => self.flaw("token_scope", "must be account or environment"),
            },
            Some(_) => self.flaw("token_scope", "must be account or environment"),
        }
        environment
    }

    /// In whole seconds, as the token itself has it.
    fn expires_at(&mut self, measure: &Measure<'_>) -> Timestamp {
        let Lifetimes { default, max } = measure.lifetimes;
        let now = measure.now.unix_seconds();
        let whole = |moment: Timestamp| Timestamp::from_unix_seconds(moment.unix_seconds());
        let by_default = whole(measure.now.plus(default.min(max)));
        let Some(text) = self.text("expires_at") else {
            return by_default;
        };
        let Some(moment) = Timestamp::parse_rfc3339(text.expose()).ok().map(whole) else {
            self.flaw("expires_at", "must be a date and time in RFC 3339");
            return by_default;
        };
        let ahead = moment.unix_seconds().saturating_sub(now);
        if u64::try_from(ahead).is_ok_and(|ahead| ahead > max.as_secs()) {
            let (count, unit) = match max.as_secs() {
                seconds if seconds % DAY == 0 => (seconds / DAY, "days"),
                seconds => (seconds, "seconds"),
            };
            self.flaw(
                "expires_at",
                format!("must be at most {count} {unit} ahead"),
            );
        }
        moment
    }

    fn scopes(&mut self, measure: &Measure<'_>) -> Scopes {
        let held = measure.creator.principal().scopes();
        let asked = match self.object.take_value("scopes") {
            None => held.clone(),
            Some(Json::Array(items)) => {
                let texts: Option<Vec<&str>> = items.iter().map(text_of).collect();
                let Some(texts) = texts else {
                    self.flaw("scopes", "must be a list of strings");
                    return Scopes::none();
                };
                let Ok(asked) = Scopes::from_list(texts) else {
                    self.flaw("scopes", "must be a list of scopes");
                    return Scopes::none();
                };
                asked
            }
            Some(_) => {
                self.flaw("scopes", "must be a list of strings");
                return Scopes::none();
            }
        };
        if asked.is_empty() {
            self.flaw("scopes", "must name one scope at least");
        }
        for scope in asked.iter() {
            let why = match measure.settings.check_scope(held, scope) {
                Ok(()) => continue,
                Err(ScopeError::NotHeld) => "the creator does not hold",
                Err(_) => "the issuer does not issue",
            };
            self.flaw("scopes", format!("{why} {}", not_secret(scope)));
        }
        asked
    }
}

fn text_of(item: &Json) -> Option<&str> {
    match item {
        Json::Text(text) => Some(text.expose()),
        _ => None,
    }
}
