//! The request to create a token, and its validation.

use std::time::Duration;

use countersign::directory::EnvironmentKind;
use countersign::mint::{IssuanceSettings, ScopeError};
use countersign::principal::PrimaryPrincipal;
use countersign::registry::NewToken;
use countersign::time::Timestamp;
use countersign::{Id, Scopes, Secret};

use super::error::{ManagedTokenError, ValidationErrors, add_error};
use super::idempotency;
use crate::json::{Json, Object, redact};

const DAY: u64 = 24 * 3600;
pub(super) const EXPIRES_AT: &str = "expires_at";
pub(super) const NOT_IN_FUTURE: &str = "must be in the future";

#[derive(Clone, Copy)]
pub(super) struct Lifetimes {
    pub(super) default: Duration,
    pub(super) max: Duration,
}

/// The rules that a request is validated by.
pub(super) struct Rules<'a> {
    pub(super) creator: &'a PrimaryPrincipal,
    pub(super) account: Id,
    pub(super) settings: &'a IssuanceSettings,
    pub(super) lifetimes: Lifetimes,
    pub(super) now: Timestamp,
}

impl Rules<'_> {
    /// Reads a body, bare or wrapped in `details`, and its idempotency key. The error has all that is not valid.
    pub(super) fn read(
        &self,
        mut body: Object,
    ) -> Result<(NewToken, Option<String>), ManagedTokenError> {
        let mut errors = ValidationErrors::new();
        let mut key = idempotency::take_key(&mut body, &mut errors);
        if let Some(details) = body.take_value("details") {
            let Json::Object(details) = details else {
                return Err(ManagedTokenError::field("details", "must be an object"));
            };
            body = details;
            let wrapped = idempotency::take_key(&mut body, &mut errors);
            if key.is_some() && wrapped.is_some() {
                add_error(&mut errors, "idempotency_key", "must be given once");
            }
            key = key.or(wrapped);
        }
        let mut members = Members { body, errors };
        let account = members.id("account_id");
        let environment = members.environment();
        let expires_at = members.expires_at(self);
        let scopes = members.scopes(self);
        // A repeated request may have been in time when it was sent first.
        if expires_at <= self.now && key.is_none() {
            members.error(EXPIRES_AT, NOT_IN_FUTURE);
        }
        let creator = self.creator.principal();
        let is_sandbox = self.creator.environment_kind() == EnvironmentKind::Sandbox;
        if is_sandbox && environment.as_ref() != creator.environment() {
            let message = "must be the sandbox that the creator belongs to";
            members.error("environment_id", message);
        }
        if !members.errors.is_empty() {
            return Err(ManagedTokenError::Validation(members.errors));
        }
        if account.is_some_and(|account| account != self.account) {
            let message = "account_id must be the caller's own account, or null";
            return Err(ManagedTokenError::NotPermitted(message, None));
        }
        let mut new = NewToken::new(scopes, expires_at);
        new.owner.account = Some(self.account);
        new.owner.environment = environment;
        Ok((new, key))
    }
}

struct Members {
    body: Object,
    errors: ValidationErrors,
}

impl Members {
    fn error(&mut self, member: &'static str, message: impl Into<String>) {
        add_error(&mut self.errors, member, message);
    }

    fn text(&mut self, name: &'static str) -> Option<Secret> {
        let text = self.body.take_text(name);
        text.unwrap_or_else(|_| {
            self.error(name, "must be a string");
            None
        })
    }

    fn id(&mut self, name: &'static str) -> Option<Id> {
        let id = self.text(name)?.expose().parse();
        if id.is_err() {
            self.error(name, "must be an id");
        }
        id.ok()
    }

    fn environment(&mut self) -> Option<Id> {
        const NAME: &str = "environment_id";
        let environment = self.id(NAME);
        let is_given = environment.is_some() || self.errors.contains_key(NAME);
        let token_scope = self.body.take_value("token_scope");
        match token_scope.as_ref().map(Json::as_text) {
            None => self.error("token_scope", "is required"),
            Some(Some("environment")) if !is_given => {
                self.error(NAME, "is required where token_scope is environment");
            }
            Some(Some("account")) if is_given => {
                self.error(NAME, "must be null where token_scope is account");
            }
            Some(Some("account" | "environment")) => {}
            Some(_) => self.error("token_scope", "must be account or environment"),
        }
        environment
    }

    /// Reads the expiry, in whole seconds as the token has it.
    fn expires_at(&mut self, rules: &Rules<'_>) -> Timestamp {
        let Lifetimes { default, max } = rules.lifetimes;
        let whole = |moment: Timestamp| Timestamp::from_unix_seconds(moment.unix_seconds());
        let by_default = whole(rules.now.plus(default.min(max)));
        let Some(text) = self.text(EXPIRES_AT) else {
            return by_default;
        };
        let Ok(moment) = Timestamp::parse_rfc3339(text.expose()).map(whole) else {
            self.error(EXPIRES_AT, "must be a date and time in RFC 3339");
            return by_default;
        };
        let lifetime = moment
            .unix_seconds()
            .saturating_sub(rules.now.unix_seconds());
        let max = max.as_secs();
        if u64::try_from(lifetime).is_ok_and(|lifetime| lifetime > max) {
            let max = match max % DAY {
                0 => format!("{} days", max / DAY),
                _ => format!("{max} seconds"),
            };
            self.error(EXPIRES_AT, format!("must be at most {max} ahead"));
        }
        moment
    }

    fn scopes(&mut self, rules: &Rules<'_>) -> Scopes {
        let held = rules.creator.principal().scopes();
        let list = self.body.take_value("scopes");
        let requested = match list.as_ref().map(scopes_of) {
            None => held.clone(),
            Some(Ok(scopes)) => scopes,
            Some(Err(message)) => {
                self.error("scopes", message);
                return Scopes::none();
            }
        };
        if requested.is_empty() {
            self.error("scopes", "must name one scope at least");
        }
        for scope in requested.iter() {
            let message = match rules.settings.check_scope(held, scope) {
                Ok(()) => continue,
                Err(ScopeError::NotHeld) => "the creator does not hold",
                Err(_) => "the issuer's catalogue does not have",
            };
            self.error("scopes", format!("{message} {}", redact(scope)));
        }
        requested
    }
}

fn scopes_of(list: &Json) -> Result<Scopes, &'static str> {
    let Json::Array(items) = list else {
        return Err("must be a list of strings");
    };
    let texts: Option<Vec<&str>> = items.iter().map(Json::as_text).collect();
    let texts = texts.ok_or("must be a list of strings")?;
    Scopes::from_list(texts).map_err(|_| "must be a list of scopes")
}
