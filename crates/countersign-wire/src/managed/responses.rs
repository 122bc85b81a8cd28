//! The responses of managed tokens, with their members in the order of the format.

use countersign::directory::Status;
use countersign::registry::Record;
use countersign::time::{Precision, Timestamp};
use countersign::{Id, Secret};
use serde::Serialize;

/// The record of a token.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ManagedToken))]
pub(crate) struct TokenDetails {
    r#type: &'static str,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    id: Id,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    account_id: Id,
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = true))]
    environment_id: Option<Id>,
    token_scope: &'static str,
    status: &'static str,
    available_actions: AvailableActions,
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = true))]
    created_by_admin_user_id: Option<Id>,
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = true))]
    created_by_credential_id: Option<Id>,
    #[cfg_attr(feature = "openapi", schema(format = DateTime, required = true))]
    expires_at: Option<String>,
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    inserted_at: String,
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    updated_at: String,
    #[cfg_attr(feature = "openapi", schema(format = DateTime, required = true))]
    last_used_at: Option<String>,
}

/// The actions that [`lifecycle`](countersign::registry::lifecycle) allows, and that would be a change.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ManagedTokenActions))]
struct AvailableActions {
    activate: bool,
    suspend: bool,
    revoke: bool,
    delete: bool,
}

impl From<&Record> for TokenDetails {
    fn from(record: &Record) -> Self {
        let (status, created_by) = (record.status, record.created_by);
        let seconds = |moment: Timestamp| moment.to_rfc3339_with(Precision::Seconds, 0);
        Self {
            r#type: "api_token",
            id: record.id,
            account_id: record.account_id,
            environment_id: record.environment_id,
            token_scope: match record.environment_id {
                Some(_) => "environment",
                None => "account",
            },
            status: status.as_str(),
            available_actions: AvailableActions {
                activate: status == Status::Suspended,
                suspend: status == Status::Active,
                revoke: status != Status::Revoked,
                delete: status == Status::Revoked,
            },
            created_by_admin_user_id: created_by.filter(|_| record.created_by_user),
            created_by_credential_id: created_by,
            expires_at: record.expires_at.map(seconds),
            inserted_at: seconds(record.created_at),
            updated_at: seconds(record.updated_at),
            last_used_at: record.last_used_at.map(seconds),
        }
    }
}

/// The response to a request for one token.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ManagedTokenResponse))]
pub(crate) struct TokenResponse<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<TokenDetails>,
}

impl<'a> TokenResponse<'a> {
    /// Creates a response. Only that to a creation has the token itself, and that to a deletion has no record.
    pub(super) fn new(token: Option<&'a Secret>, record: Option<&Record>) -> Self {
        Self {
            status: "success",
            token: token.map(Secret::expose),
            details: record.map(TokenDetails::from),
        }
    }
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ManagedTokenList))]
pub(crate) struct TokenListResponse {
    status: &'static str,
    summaries: Vec<TokenDetails>,
    pagination: Pagination,
}

impl TokenListResponse {
    pub(super) fn new(records: &[Record], item_count: u64, page: Page) -> Self {
        Self {
            status: "success",
            summaries: records.iter().map(TokenDetails::from).collect(),
            pagination: Pagination::new(records.len(), item_count, page),
        }
    }
}

pub(super) const PAGE_SIZE: u32 = 50;
pub(crate) const MAX_PAGE_SIZE: u32 = 200;

/// The page that a request asks for.
#[derive(Clone, Copy)]
pub(super) struct Page {
    pub(super) offset: u32,
    pub(super) size: u32,
}

#[derive(Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ManagedTokenPage))]
struct Pagination {
    /// The number of all items.
    item_count: u64,
    page_count: u64,
    /// Counted from 0.
    page_index: u64,
    /// The number of items before this page.
    page_offset: u64,
    page_size: u64,
    /// The number of the first item on this page, counted from 1; 0 for an empty page.
    item_start: u64,
    item_end: u64,
    #[cfg_attr(feature = "openapi", schema(required = true))]
    next_page_offset: Option<u64>,
    #[cfg_attr(feature = "openapi", schema(required = true))]
    previous_page_offset: Option<u64>,
}

impl Pagination {
    fn new(on_page: usize, item_count: u64, page: Page) -> Self {
        let (offset, size) = (u64::from(page.offset), u64::from(page.size).max(1));
        let on_page = u64::try_from(on_page).unwrap_or(0);
        let (item_start, item_end) = match on_page {
            0 => (0, 0),
            items => (offset + 1, offset + items),
        };
        let next = offset + size;
        Self {
            item_count,
            page_count: item_count.div_ceil(size),
            page_index: offset / size,
            page_offset: offset,
            page_size: size,
            item_start,
            item_end,
            next_page_offset: (next < item_count).then_some(next),
            // From beyond the end, this is the last page that has items.
            previous_page_offset: (offset > 0).then(|| offset.min(item_count).saturating_sub(size)),
        }
    }
}
