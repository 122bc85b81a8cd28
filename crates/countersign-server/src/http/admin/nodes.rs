//! The nodes, and waiting for them.

use std::time::Duration;

use axum::body::Body;
use axum::extract;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Response};
use countersign_cli::ops::{NodeListResponse, Operations, ReceiptResponse};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::administrator::Administrator;
use super::error::{AdminError, Result};
use crate::http::json::Json;
use crate::http::metrics::count_receipt;
use crate::http::openapi::{Routes, get};

/// The header with the receipt: a dictionary (RFC 9651 §3.2).
const RECEIPT: HeaderName = HeaderName::from_static("countersign-receipt");

pub(super) fn routes() -> Routes {
    Routes::of([get("/nodes", "nodes_list", list)
        .summary("List the running servers, what they have applied, and how old their views are")])
}

async fn list(Administrator(operations): Administrator) -> Result<Json<NodeListResponse>> {
    Ok(Json(operations.list_nodes().await?))
}

/// The query of a request that changes something.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WaitQuery {
    /// Answer when all nodes have applied the change, and say so in `countersign-receipt`.
    #[param(inline, required = false)]
    wait: Option<Wait>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Wait {
    All,
}

/// Returns whether a request asks to wait for nodes.
pub(super) fn is_wait_requested(head: &Parts) -> Result<bool> {
    if head.method.is_safe() {
        return Ok(false);
    }
    let query = extract::Query::<WaitQuery>::try_from_uri(&head.uri);
    let query = query.map_err(|_| {
        AdminError::invalid("invalid_query", "`wait` may be `all`, and be given once.")
    })?;
    Ok(query.0.wait.is_some())
}

/// Waits until all nodes have applied the change that a response reports, and adds the receipt to the response. A change that
/// was made stays made if the receipt is incomplete.
pub(super) async fn wait(
    operations: &Operations,
    at_most: Duration,
    mut response: Response<Body>,
) -> Response<Body> {
    if response.status().is_success() {
        let receipt = operations.wait_for_nodes(at_most).await;
        count_receipt(&receipt);
        if let Ok(value) = HeaderValue::try_from(dictionary(&receipt)) {
            response.headers_mut().insert(RECEIPT, value);
        }
    }
    response
}

/// Returns a receipt as a dictionary.
fn dictionary(receipt: &ReceiptResponse) -> String {
    let ReceiptResponse {
        nodes,
        applied,
        lapsed,
        slowest_ms,
        ..
    } = receipt;
    let durable = if receipt.durable {
        "durable"
    } else {
        "durable=?0"
    };
    let mut text = match receipt.complete {
        true => "complete".to_owned(),
        false => "complete=?0".to_owned(),
    };
    if let Some(change) = receipt.change {
        text = format!("{text}, change={change}");
    }
    text = format!(
        "{text}, nodes={nodes}, applied={applied}, lapsed={lapsed}, slowest-ms={slowest_ms}, {durable}"
    );
    match receipt.reason {
        Some(reason) => format!("{text}, reason={reason}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[test]
    fn receipt_is_a_dictionary() {
        let mut receipt = ReceiptResponse {
            complete: true,
            change: Some(7),
            nodes: 3,
            applied: 2,
            lapsed: 1,
            slowest_ms: 12,
            durable: true,
            reason: None,
            detail: None,
        };
        assert_eq!(
            dictionary(&receipt),
            "complete, change=7, nodes=3, applied=2, lapsed=1, slowest-ms=12, durable"
        );
        (receipt.complete, receipt.change, receipt.reason) = (false, None, Some("unavailable"));
        receipt.durable = false;
        assert_eq!(
            dictionary(&receipt),
            "complete=?0, nodes=3, applied=2, lapsed=1, slowest-ms=12, durable=?0, reason=unavailable"
        );
    }

    fn asks(method: &str, uri: &str) -> Option<bool> {
        let request = Request::builder().method(method).uri(uri);
        let (head, ()) = request.body(()).unwrap().into_parts();
        is_wait_requested(&head).ok()
    }

    #[test]
    fn request_that_changes_something_asks_to_wait_with_wait_all() {
        assert_eq!(asks("POST", "/keys?wait=all"), Some(true));
        assert_eq!(asks("DELETE", "/keys/1?wait=all"), Some(true));
        assert_eq!(asks("POST", "/keys"), Some(false));
        assert_eq!(asks("GET", "/keys?wait=all"), Some(false));
        for uri in ["/keys?wait=some", "/keys?wait=all&wait=all", "/keys?wait="] {
            assert_eq!(asks("POST", uri), None, "{uri}");
        }
    }
}
