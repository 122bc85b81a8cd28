//! What each request does.

use std::sync::Arc;

use bytes::Bytes;
use countersign::credentials::Credentials;
use countersign::registry::{Caller, Change, Record, RegistryError};
use countersign::require::scope;
use countersign::{Id, Principal, Scope, Secret};
use http::{Request, Response, StatusCode, request};
use http_body::Body;
use serde::Serialize;
use serde_json::value::RawValue;

use super::create::{Measure, TooLate, flaw};
use super::once::{Answering, IdempotencyMember, fingerprint, once};
use super::problem::{Errors, Problem, What};
use super::shown::{List, Page, Success};
use super::{ACTIVATE, DELETE, ManagedTokenResource, Options, REVOKE, SUSPEND, judge};
use crate::front::{self, Reading};
use crate::json::Object;
use crate::oauth::form::Form;
use crate::{RequestId, ResponseBody, Source, TokenError, body, respond};

/// The body of a creation, as an object and as it came.
struct Creation;

impl Reading for Creation {
    type Asked = (Object, Bytes);

    fn source(&self) -> Source {
        Source::Headers
    }

    fn read_credentials(&self, presented: Credentials) -> Result<Credentials, TokenError> {
        Ok(presented)
    }

    fn read(
        &self,
        _: &request::Parts,
        body: &Bytes,
    ) -> Result<(Option<Credentials>, Self::Asked), TokenError> {
        let object = Object::parse(body).map_err(TokenError::invalid)?;
        Ok((None, (object, body.clone())))
    }
}

impl ManagedTokenResource {
    pub(super) async fn create<B>(
        &self,
        request: Request<B>,
        request_id: &RequestId,
    ) -> Result<Response<ResponseBody>, Problem>
    where
        B: Body,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let limit = self.options.body_limit;
        let admitted = front::admit(&Creation, &self.authenticator, limit, request);
        let (creator, (object, body)) = admitted.await?;
        let write = Self::WRITE_SCOPE.parse::<Scope>();
        if !write.is_ok_and(|write| creator.principal().scopes().grants(&write)) {
            let why = "the credentials lack the scope that this requires";
            return Err(What::NotPermitted(why).into());
        }
        let caller = self.caller(creator.principal(), request_id)?;
        let account = *creator.principal().account().ok_or(TokenError::Failed)?;
        let measure = Measure {
            creator: &creator,
            settings: self.mint.settings(),
            lifetimes: self.options.lifetimes,
            now: self.mint.clock().now(),
        };
        let (new, key) = measure.read(object, account)?;
        self.count(creator.principal())?;
        let too_late = new.expires_at <= measure.now;
        let make = |record: &Record| {
            if too_late {
                return Err(RegistryError::unavailable(TooLate));
            }
            let token = self.mint.managed_token(&creator, record);
            let token = token.map_err(RegistryError::unavailable)?;
            written(&Success::created(&token, record))
        };
        let answering = Answering::new(&make);
        let remember = |record: &Record| answering.make(record);
        let request = self.fingerprint(creator.principal(), "create", "", &body);
        let once = once(key.as_ref(), creator.principal(), request, &remember)?;
        let environment = new.owner.environment;
        let done = self.tokens.create_token(&caller, new, once).await;
        let done = done.map_err(|error| match error {
            // The account is the caller's own: what was not found is the environment.
            RegistryError::NotFound if environment.is_some() => {
                let mut errors = Errors::new();
                let message = "must be an environment of the account";
                flaw(&mut errors, "environment_id", message);
                What::Invalid(errors).into()
            }
            RegistryError::Unavailable(source) if source.is::<TooLate>() => TooLate::problem(),
            error => Problem::from(error),
        })?;
        success(&answering.of(done)?)
    }

    pub(super) async fn list<B>(
        &self,
        request: Request<B>,
        request_id: &RequestId,
    ) -> Result<Response<ResponseBody>, Problem> {
        let (principal, request) = self.admit_reader(request).await?;
        let caller = self.caller(&principal, request_id)?;
        let page = self.page(request.uri().query())?;
        let listed = self
            .tokens
            .list_tokens(&caller, page.offset.into(), page.size);
        let (records, count) = listed.await?;
        Ok(respond::json(
            StatusCode::OK,
            &List::new(&records, count, page),
        ))
    }

    pub(super) async fn show<B>(
        &self,
        request: Request<B>,
        id: &str,
        request_id: &RequestId,
    ) -> Result<Response<ResponseBody>, Problem> {
        let (principal, _) = self.admit_reader(request).await?;
        let caller = self.caller(&principal, request_id)?;
        let record = self.tokens.show_token(&caller, token_id(id)?).await?;
        Ok(respond::json(StatusCode::OK, &Success::of(&record)))
    }

    pub(super) async fn change<B>(
        &self,
        request: Request<B>,
        id: &str,
        action: &'static str,
        request_id: &RequestId,
    ) -> Result<Response<ResponseBody>, Problem>
    where
        B: Body,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let (head, body) = request.into_parts();
        let judge = || {
            let request = Request::from_parts(head.clone(), ());
            judge::admit(&self.layer, scope(Self::WRITE_SCOPE), request)
        };
        judge().await?;
        let token = token_id(id)?;
        let body = body::read(body, self.options.body_limit).await?;
        let key = key_in(&body)?;
        // Judged again after the body: it may have taken its time, and what was revoked meanwhile changes nothing.
        let (principal, _) = judge().await?;
        let caller = self.caller(&principal, request_id)?;
        self.count(&principal)?;
        let make = |record: &Record| match action {
            DELETE => written(&Success::deleted()),
            _ => written(&Success::of(record)),
        };
        let answering = Answering::new(&make);
        let remember = |record: &Record| answering.make(record);
        let request = self.fingerprint(&principal, action, id, &body);
        let once = once(key.as_ref(), &principal, request, &remember)?;
        let change = match action {
            SUSPEND => Change::Suspend,
            ACTIVATE => Change::Activate,
            REVOKE => Change::Revoke { reason: None },
            _ => Change::Delete,
        };
        let done = self
            .tokens
            .change_token(&caller, token, change, once)
            .await?;
        success(&answering.of(done)?)
    }

    /// On whose behalf the registry acts. What belongs to another account, or to another issuer, does not exist for
    /// it.
    fn caller(&self, principal: &Principal, request_id: &RequestId) -> Result<Caller, Problem> {
        let Some(account) = principal.account() else {
            let why = "the credentials belong to no account";
            return Err(What::NotPermitted(why).into());
        };
        let caller = Caller::of_account(principal.subject(), *account)
            .authenticated_as(principal)
            .with_request_id(request_id.clone());
        Ok(match &self.options.issuer {
            Some(name) => caller.at_issuer(Arc::clone(name)),
            None => caller,
        })
    }

    /// Each creation and each change is one.
    fn count(&self, principal: &Principal) -> Result<(), Problem> {
        let limit = self.options.mint_limit.as_ref();
        if let (Some(limit), Some(credential)) = (limit, principal.credential_id()) {
            limit
                .take(credential, self.mint.clock().now())
                .map_err(TokenError::TooManyRequests)?;
        }
        Ok(())
    }

    fn fingerprint(&self, principal: &Principal, action: &str, id: &str, body: &[u8]) -> [u8; 32] {
        // Whoever may do less than when it was answered does not get the answer again.
        let generation = principal.generation().to_string();
        let issuer = self.mint.issuer().url();
        fingerprint([issuer, &generation, action, id], body)
    }

    async fn admit_reader<B>(
        &self,
        request: Request<B>,
    ) -> Result<(Principal, Request<B>), Problem> {
        // Whoever changes tokens sees them in the answers anyhow.
        let reader = scope(Self::READ_SCOPE) | scope(Self::WRITE_SCOPE);
        judge::admit(&self.layer, reader, request).await
    }

    fn page(&self, query: Option<&str>) -> Result<Page, Problem> {
        let mut parameters = Form::of_query(query)?;
        let mut errors = Errors::new();
        let mut number = |name: &'static str, least: u32, most: u32, default: u32| {
            let Some(text) = parameters.take(name) else {
                return default;
            };
            let digits = text.expose().bytes().all(|byte| byte.is_ascii_digit());
            let number = text.expose().parse().ok().filter(|_| digits);
            let number = number.filter(|number| (least..=most).contains(number));
            number.unwrap_or_else(|| {
                let message = format!("must be a number from {least} to {most}");
                flaw(&mut errors, name, message);
                default
            })
        };
        let Options {
            page_size,
            max_page_size,
            ..
        } = self.options;
        let offset = number("pagination[offset]", 0, u32::MAX, 0);
        let size = number("pagination[page_size]", 1, max_page_size, page_size);
        if errors.is_empty() {
            Ok(Page { offset, size })
        } else {
            Err(What::Invalid(errors).into())
        }
    }
}

/// What is no id is no token's.
fn token_id(text: &str) -> Result<Id, TokenError> {
    text.parse().map_err(|_| TokenError::NotFound)
}

/// The idempotency key in the body of a transition, which may be empty.
fn key_in(body: &Bytes) -> Result<Option<IdempotencyMember>, Problem> {
    if body.is_empty() {
        return Ok(None);
    }
    let mut object = Object::parse(body).map_err(TokenError::invalid)?;
    let mut errors = Errors::new();
    let key = IdempotencyMember::take(&mut object, &mut errors);
    if errors.is_empty() {
        Ok(key)
    } else {
        Err(What::Invalid(errors).into())
    }
}

/// An answer as text, which may hold a token.
fn written(answer: &impl Serialize) -> Result<Secret, RegistryError> {
    let text = serde_json::to_string(answer).map_err(RegistryError::unavailable)?;
    Ok(Secret::from(text))
}

fn success(answer: &Secret) -> Result<Response<ResponseBody>, Problem> {
    let answer: &RawValue =
        serde_json::from_str(answer.expose()).map_err(|_| TokenError::Failed)?;
    Ok(respond::json(StatusCode::OK, &answer))
}
