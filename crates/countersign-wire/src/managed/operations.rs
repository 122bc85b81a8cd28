//! The operations of the resource.

use std::sync::Arc;

use bytes::Bytes;
use countersign::mint::MintError;
use countersign::registry::{Caller, Change, Record, RegistryError};
use countersign::require::scope;
use countersign::{Id, Principal, Secret};
use http::{Request, Response, StatusCode, request};
use serde::Serialize;
use serde_json::value::RawValue;

use super::ManagedTokenResource;
use super::create_request::{EXPIRES_AT, NOT_IN_FUTURE, Rules};
use super::error::{
    ManagedTokenError, READ_SCOPE_MISSING, ValidationErrors, WRITE_SCOPE_MISSING, add_error,
};
use super::idempotency::{ResponseWriter, fingerprint, idempotency_key, read_key};
use super::responses::{MAX_PAGE_SIZE, PAGE_SIZE, Page, TokenListResponse, TokenResponse};
use crate::authenticate::{caller_of, check_site, count};
use crate::body::PendingBody;
use crate::error::TokenError;
use crate::form::Form;
use crate::json::Object;
use crate::request_id::RequestId;
use crate::response::{self, ResponseBody};
use crate::wire::TokenRequest;

impl ManagedTokenResource {
    pub(super) async fn create(
        &self,
        request: Request<PendingBody>,
        request_id: &RequestId,
    ) -> Result<Response<ResponseBody>, ManagedTokenError> {
        let read = |_: &_, body: &Bytes| {
            let parameters = (Object::parse(body)?, body.clone());
            Ok((TokenRequest::default(), parameters))
        };
        let authenticated = self.primary.authenticate(request, read);
        let (creator, (object, body)) = authenticated.await?;
        let principal = creator.principal();
        count(self.limit.as_ref(), principal, self.mint.clock())?;
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
        let is_expired = new.expires_at <= rules.now;
        let write = |record: &Record| {
            if is_expired {
                return Err(RegistryError::unavailable(MintError::Expired));
            }
            let token = self.mint.managed_token(&creator, record);
            let token = token.map_err(RegistryError::unavailable)?;
            to_json(&TokenResponse::new(Some(&token), Some(record)))
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
                let message = "must be an environment of the account";
                ManagedTokenError::field("environment_id", message)
            }
            RegistryError::Unavailable(source)
                if matches!(source.downcast_ref(), Some(MintError::Expired)) =>
            {
                ManagedTokenError::field(EXPIRES_AT, NOT_IN_FUTURE)
            }
            error => error.into(),
        })?;
        success(&writer.finish(outcome)?)
    }

    pub(super) async fn list(
        &self,
        request: Request<PendingBody>,
        request_id: &RequestId,
    ) -> Result<Response<ResponseBody>, ManagedTokenError> {
        let (head, _) = request.into_parts();
        let caller = self.reader(&head, request_id).await?;
        let page = page(head.uri.query())?;
        let listed = self
            .tokens
            .list_tokens(&caller, page.offset.into(), page.size);
        let (records, count) = listed.await?;
        let list = TokenListResponse::new(&records, count, page);
        Ok(response::json(StatusCode::OK, &list))
    }

    pub(super) async fn show(
        &self,
        request: Request<PendingBody>,
        id: &str,
        request_id: &RequestId,
    ) -> Result<Response<ResponseBody>, ManagedTokenError> {
        let (head, _) = request.into_parts();
        let caller = self.reader(&head, request_id).await?;
        let record = self.tokens.show_token(&caller, parse_id(id)?).await?;
        let response = TokenResponse::new(None, Some(&record));
        Ok(response::json(StatusCode::OK, &response))
    }

    pub(super) async fn change(
        &self,
        request: Request<PendingBody>,
        id: &str,
        change: Change,
        request_id: &RequestId,
    ) -> Result<Response<ResponseBody>, ManagedTokenError> {
        let (head, body) = request.into_parts();
        let principal = self.authenticate(&head).await?;
        check_write_scope(&principal)?;
        let token = parse_id(id)?;
        let body = body.await.map_err(TokenError::from)?;
        let key = read_key(&body)?;
        // The credentials may have been revoked while the body was read.
        self.authenticator.revalidate(&principal)?;
        let caller = self.caller(&principal, request_id)?;
        let action = change.name();
        let is_deletion = matches!(change, Change::Delete);
        let write = |record: &Record| {
            let record = Some(record).filter(|_| !is_deletion);
            to_json(&TokenResponse::new(None, record))
        };
        let writer = ResponseWriter::new(&write);
        let response = |record: &Record| writer.write(record);
        let digest = self.fingerprint(&principal, action, id, &body);
        let idempotency = idempotency_key(key.as_deref(), &principal, digest, &response)?;
        let changed = self
            .tokens
            .change_token(&caller, token, change, idempotency);
        let outcome = changed.await?;
        success(&writer.finish(outcome)?)
    }

    /// Authenticates the caller of an operation that creates no token, with any credentials.
    async fn authenticate(&self, head: &request::Parts) -> Result<Principal, ManagedTokenError> {
        check_site(head)?;
        let credentials = self.authenticator.find_credentials(&head.into())?;
        let missing = || self.authenticator.missing_credentials(&head.into());
        let credentials = credentials.ok_or_else(missing)?;
        let principal = self.authenticator.authenticate(credentials, &head.into());
        let principal = principal.await?;
        count(self.limit.as_ref(), &principal, self.mint.clock())?;
        Ok(principal)
    }

    /// Authenticates the caller of an operation that changes nothing. Callers that may change tokens see them in the
    /// responses anyway.
    async fn reader(
        &self,
        head: &request::Parts,
        request_id: &RequestId,
    ) -> Result<Caller, ManagedTokenError> {
        let principal = self.authenticate(head).await?;
        let checked = (scope(Self::READ_SCOPE) | scope(Self::WRITE_SCOPE)).check(&principal);
        checked.map_err(|rejection| {
            ManagedTokenError::from_rejection(rejection, READ_SCOPE_MISSING)
        })?;
        self.caller(&principal, request_id)
    }

    /// Returns the caller for the registry. The tokens of other accounts and issuers are not found for it.
    fn caller(
        &self,
        principal: &Principal,
        request_id: &RequestId,
    ) -> Result<Caller, ManagedTokenError> {
        let caller = caller_of(principal, request_id).ok_or(ManagedTokenError::NotPermitted(
            "the credentials belong to no account",
            None,
        ))?;
        Ok(match &self.issuer {
            Some(name) => caller.at_issuer(Arc::clone(name)),
            None => caller,
        })
    }

    /// Computes the digest of a request. It has the caller's generation, so that a caller whose rights have changed does
    /// not get the response again.
    fn fingerprint(&self, principal: &Principal, action: &str, id: &str, body: &[u8]) -> [u8; 32] {
        let generation = principal.generation().to_string();
        let issuer = self.mint.issuer().url();
        fingerprint([issuer, &generation, action, id], body)
    }
}

fn page(query: Option<&str>) -> Result<Page, ManagedTokenError> {
    let mut parameters = Form::parse_query(query)?;
    let mut errors = ValidationErrors::new();
    let mut number = |name: &'static str, min: u32, max: u32, default: u32| {
        let Some(text) = parameters.take(name) else {
            return default;
        };
        // `parse` would accept a sign.
        let text =
            Some(text.expose()).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let number = text.and_then(|text| text.parse().ok());
        number
            .filter(|number| (min..=max).contains(number))
            .unwrap_or_else(|| {
                add_error(
                    &mut errors,
                    name,
                    format!("must be a number from {min} to {max}"),
                );
                default
            })
    };
    let offset = number("pagination[offset]", 0, u32::MAX, 0);
    let size = number("pagination[page_size]", 1, MAX_PAGE_SIZE, PAGE_SIZE);
    if errors.is_empty() {
        Ok(Page { offset, size })
    } else {
        Err(ManagedTokenError::Validation(errors))
    }
}

fn check_write_scope(principal: &Principal) -> Result<(), ManagedTokenError> {
    let checked = scope(ManagedTokenResource::WRITE_SCOPE).check(principal);
    checked.map_err(|rejection| ManagedTokenError::from_rejection(rejection, WRITE_SCOPE_MISSING))
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
