//! The operations of the resource.

use std::sync::Arc;

use bytes::Bytes;
use countersign::credentials::Credentials;
use countersign::registry::{Caller, Change, Record, RegistryError};
use countersign::require::{Requirement, scope};
use countersign::{Id, Principal, Secret};
use http::{Request, Response, StatusCode, request};
use http_body::Body;
use serde::Serialize;
use serde_json::value::RawValue;

use super::create_request::{Expired, Rules};
use super::error::{
    ManagedTokenError, READ_SCOPE_MISSING, ValidationErrors, WRITE_SCOPE_MISSING, add_error,
};
use super::idempotency::{ResponseWriter, fingerprint, idempotency_key, read_key};
use super::responses::{Page, TokenListResponse, TokenResponse};
use super::{Action, ManagedTokenResource};
use crate::authenticate::RequestReader;
use crate::body;
use crate::error::TokenError;
use crate::form::Form;
use crate::json::Object;
use crate::request_id::RequestId;
use crate::response::{self, ResponseBody};

/// Reads the body of a creation, as an object and byte for byte.
struct CreateReader;

impl RequestReader for CreateReader {
    type Parameters = (Object, Bytes);

    fn read(
        &self,
        _: &request::Parts,
        body: &Bytes,
    ) -> Result<(Option<Credentials>, Self::Parameters), TokenError> {
        let object = Object::parse(body).map_err(TokenError::invalid)?;
        Ok((None, (object, body.clone())))
    }
}

impl ManagedTokenResource {
    pub(super) async fn create<B>(
        &self,
        request: Request<B>,
        request_id: &RequestId,
    ) -> Result<Response<ResponseBody>, ManagedTokenError>
    where
        B: Body,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let limit = self.body_limit;
        let authenticated = self.primary.authenticate(&CreateReader, limit, request);
        let (creator, (object, body)) = authenticated.await?;
        let principal = creator.principal();
        check_write_scope(principal)?;
        let caller = self.caller(principal, request_id)?;
        let rules = Rules {
            creator: &creator,
            account: *principal.account().ok_or(TokenError::Internal)?,
            settings: self.mint.settings(),
            lifetimes: self.lifetimes,
            now: self.mint.clock().now(),
        };
        let (new, key) = rules.read(object)?;
        self.count(principal)?;
        let is_expired = new.expires_at <= rules.now;
        let write = |record: &Record| {
            if is_expired {
                return Err(RegistryError::unavailable(Expired));
            }
            let token = self.mint.managed_token(&creator, record);
            let token = token.map_err(RegistryError::unavailable)?;
            to_json(&TokenResponse::created(&token, record))
        };
        let writer = ResponseWriter::new(&write);
        let response = |record: &Record| writer.write(record);
        let digest = self.fingerprint(principal, "create", "", &body);
        let idempotency = idempotency_key(key.as_deref(), principal, digest, &response)?;
        let has_environment = new.owner.environment.is_some();
        let created = self.tokens.create_token(&caller, new, idempotency).await;
        let outcome = created.map_err(|error| match error {
            // The account is the caller's own, so the environment was not found.
            RegistryError::NotFound if has_environment => {
                let mut errors = ValidationErrors::new();
                let message = "must be an environment of the account";
                add_error(&mut errors, "environment_id", message);
                ManagedTokenError::Validation(errors)
            }
            RegistryError::Unavailable(source) if source.is::<Expired>() => Expired.into(),
            error => error.into(),
        })?;
        success(&writer.finish(outcome)?)
    }

    pub(super) async fn list<B>(
        &self,
        request: Request<B>,
        request_id: &RequestId,
    ) -> Result<Response<ResponseBody>, ManagedTokenError> {
        let (head, _) = request.into_parts();
        let principal = self.authenticate(&head).await?;
        check_read_scope(&principal)?;
        let caller = self.caller(&principal, request_id)?;
        let page = self.page(head.uri.query())?;
        let listed = self
            .tokens
            .list_tokens(&caller, page.offset.into(), page.size);
        let (records, count) = listed.await?;
        let list = TokenListResponse::new(&records, count, page);
        Ok(response::json(StatusCode::OK, &list))
    }

    pub(super) async fn show<B>(
        &self,
        request: Request<B>,
        id: &str,
        request_id: &RequestId,
    ) -> Result<Response<ResponseBody>, ManagedTokenError> {
        let (head, _) = request.into_parts();
        let principal = self.authenticate(&head).await?;
        check_read_scope(&principal)?;
        let caller = self.caller(&principal, request_id)?;
        let record = self.tokens.show_token(&caller, parse_id(id)?).await?;
        Ok(response::json(StatusCode::OK, &TokenResponse::of(&record)))
    }

    pub(super) async fn change<B>(
        &self,
        request: Request<B>,
        id: &str,
        action: Action,
        request_id: &RequestId,
    ) -> Result<Response<ResponseBody>, ManagedTokenError>
    where
        B: Body,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let (head, body) = request.into_parts();
        let principal = self.authenticate(&head).await?;
        check_write_scope(&principal)?;
        let token = parse_id(id)?;
        let body = body::read(body, self.body_limit).await?;
        let key = read_key(&body)?;
        // The credentials may have been revoked while the body was read.
        self.authenticator.revalidate(&principal)?;
        let caller = self.caller(&principal, request_id)?;
        self.count(&principal)?;
        let write = |record: &Record| match action {
            Action::Delete => to_json(&TokenResponse::deleted()),
            _ => to_json(&TokenResponse::of(record)),
        };
        let writer = ResponseWriter::new(&write);
        let response = |record: &Record| writer.write(record);
        let digest = self.fingerprint(&principal, action.as_str(), id, &body);
        let idempotency = idempotency_key(key.as_deref(), &principal, digest, &response)?;
        let change = match action {
            Action::Suspend => Change::Suspend,
            Action::Activate => Change::Activate,
            Action::Revoke => Change::Revoke { reason: None },
            Action::Delete => Change::Delete,
        };
        let changed = self
            .tokens
            .change_token(&caller, token, change, idempotency);
        let outcome = changed.await?;
        success(&writer.finish(outcome)?)
    }

    /// Authenticates the caller of an operation that creates no token, with any credentials.
    async fn authenticate(&self, head: &request::Parts) -> Result<Principal, ManagedTokenError> {
        let credentials = self.authenticator.find_credentials(&head.into())?;
        let credentials = credentials.ok_or_else(|| self.authenticator.missing_credentials())?;
        let authentication = self.authenticator.authenticate(credentials, &head.into());
        Ok(authentication.await?)
    }

    /// Returns the caller for the registry. The tokens of other accounts and issuers are not found for it.
    fn caller(
        &self,
        principal: &Principal,
        request_id: &RequestId,
    ) -> Result<Caller, ManagedTokenError> {
        let Some(account) = principal.account() else {
            let message = "the credentials belong to no account";
            return Err(ManagedTokenError::NotPermitted(message, None));
        };
        let caller = Caller::of_account(principal.subject(), *account)
            .authenticated_as(principal)
            .with_request_id(request_id.clone());
        Ok(match &self.issuer {
            Some(name) => caller.at_issuer(Arc::clone(name)),
            None => caller,
        })
    }

    fn count(&self, principal: &Principal) -> Result<(), TokenError> {
        match &self.mint_limit {
            Some(limit) => limit.count(principal, self.mint.clock().now()),
            None => Ok(()),
        }
    }

    /// Computes the digest of a request. It has the caller's generation, so that a caller whose rights have changed does
    /// not get the response again.
    fn fingerprint(&self, principal: &Principal, action: &str, id: &str, body: &[u8]) -> [u8; 32] {
        let generation = principal.generation().to_string();
        let issuer = self.mint.issuer().url();
        fingerprint([issuer, &generation, action, id], body)
    }

    fn page(&self, query: Option<&str>) -> Result<Page, ManagedTokenError> {
        let mut parameters = Form::parse_query(query)?;
        let mut errors = ValidationErrors::new();
        let mut number = |name: &'static str, min: u32, max: u32, default: u32| {
            let Some(text) = parameters.take(name) else {
                return default;
            };
            let text = text.expose();
            // `parse` would accept a sign.
            let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
            let number = text.parse().ok().filter(|_| is_digits);
            let number = number.filter(|number| (min..=max).contains(number));
            number.unwrap_or_else(|| {
                let message = format!("must be a number from {min} to {max}");
                add_error(&mut errors, name, message);
                default
            })
        };
        let (default, max) = (self.page_size, self.max_page_size);
        let offset = number("pagination[offset]", 0, u32::MAX, 0);
        let size = number("pagination[page_size]", 1, max, default);
        if errors.is_empty() {
            Ok(Page { offset, size })
        } else {
            Err(ManagedTokenError::Validation(errors))
        }
    }
}

fn write_scope() -> Requirement {
    scope(ManagedTokenResource::WRITE_SCOPE)
}

fn check_write_scope(principal: &Principal) -> Result<(), ManagedTokenError> {
    let checked = write_scope().check(principal);
    checked.map_err(|rejection| ManagedTokenError::from_rejection(rejection, WRITE_SCOPE_MISSING))
}

/// Callers that may change tokens see them in the responses anyway.
fn check_read_scope(principal: &Principal) -> Result<(), ManagedTokenError> {
    let checked = (scope(ManagedTokenResource::READ_SCOPE) | write_scope()).check(principal);
    checked.map_err(|rejection| ManagedTokenError::from_rejection(rejection, READ_SCOPE_MISSING))
}

fn parse_id(text: &str) -> Result<Id, TokenError> {
    text.parse().map_err(|_| TokenError::NotFound)
}

/// Serializes a response, which may contain a token.
fn to_json(response: &impl Serialize) -> Result<Secret, RegistryError> {
    let text = serde_json::to_string(response).map_err(RegistryError::unavailable)?;
    Ok(Secret::from(text))
}

fn success(json: &Secret) -> Result<Response<ResponseBody>, ManagedTokenError> {
    let json: &RawValue = serde_json::from_str(json.expose()).map_err(|_| TokenError::Internal)?;
    Ok(response::json(StatusCode::OK, &json))
}
