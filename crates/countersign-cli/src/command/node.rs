//! `countersign node …`, and what other commands say about nodes.

use clap::Subcommand;
use countersign::Id;
use serde_json::json;

use super::report::Report;
use super::{CommandResult, Context};
use crate::error::CommandError;
use crate::ops::ReceiptResponse;

const COLUMNS: &str =
    "id state applied behind view_age_ms seen_at started_at max_staleness_ms when_stale name";

#[derive(Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// List the running servers: what each has applied, and how old its view of the database is
    List,
    /// Remove a server that has died and had `when_stale = "serve"`; all others are removed by themselves
    Remove {
        /// The id of the node
        id: Id,
    },
}

pub(super) async fn run(context: &Context, command: NodeCommand) -> CommandResult {
    let operations = context.operations().await?;
    match command {
        NodeCommand::List => {
            let list = operations.list_nodes().await?;
            Report::of_table(&list, &list.nodes, COLUMNS, "no server is running")
        }
        NodeCommand::Remove { id } => match operations.remove_node(id).await? {
            true => Report::new(&json!({ "id": id }), "The node was removed."),
            false => Err(CommandError::new(
                "there is no such node that serves stale and has been silent for 30 s: `countersign node list` lists all \
                 nodes; those that refuse when stale are removed by themselves",
            )),
        },
    }
}

/// Describes which nodes have applied the change of a command. Returns nothing if there is no node.
pub(super) fn describe(receipt: &ReceiptResponse) -> Option<String> {
    let ReceiptResponse {
        nodes,
        applied,
        lapsed,
        slowest_ms,
        ..
    } = receipt;
    if let Some(reason) = &receipt.detail {
        return Some(format!(
            "The change was made, but is not known to be applied by every node: {reason}. \
             {applied} of {nodes} nodes have applied it."
        ));
    }
    let applied = match (nodes, applied) {
        (0, _) => return None,
        (1, 1) => format!("Applied by the running server after {slowest_ms} ms."),
        (_, 0) => format!("Applied by none of {nodes} nodes."),
        (_, applied) => {
            format!("Applied by {applied} of {nodes} nodes, the slowest after {slowest_ms} ms.")
        }
    };
    Some(match lapsed {
        0 => applied,
        1 => format!("{applied} One has left, or decides nothing because its view is stale."),
        lapsed => {
            format!(
                "{applied} {lapsed} have left, or decide nothing because their views are stale."
            )
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(nodes: usize, applied: usize, detail: Option<&str>) -> ReceiptResponse {
        ReceiptResponse {
            complete: detail.is_none(),
            change: Some(7),
            nodes,
            applied,
            lapsed: nodes - applied,
            slowest_ms: 12,
            durable: true,
            reason: None,
            detail: detail.map(str::to_owned),
        }
    }

    #[test]
    fn receipt_says_how_many_nodes_have_applied_the_change_and_how_long_the_slowest_took() {
        assert_eq!(describe(&receipt(0, 0, None)), None);
        for (receipt, parts) in [
            (receipt(1, 1, None), &["running server after 12 ms."][..]),
            (
                receipt(3, 3, None),
                &["3 of 3 nodes", "slowest after 12 ms."],
            ),
            (receipt(3, 2, None), &["2 of 3 nodes", "One has left"]),
            (receipt(2, 0, None), &["none of 2 nodes", "2 have left"]),
            (
                receipt(2, 1, Some("b is late")),
                &["was made", "b is late", "1 of 2"],
            ),
        ] {
            let text = describe(&receipt).unwrap();
            for part in parts {
                assert!(text.contains(part), "{part}: {text}");
            }
        }
    }
}
