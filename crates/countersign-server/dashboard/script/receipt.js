// The receipt of a change: how many nodes have applied it.

const REASONS = {
  not_acknowledged: "a node has not acknowledged it",
  too_many_waiting: "too many requests wait for nodes",
  new_history: "a backup was restored meanwhile",
  unavailable: "the database could not be read",
};

/** Returns the receipt in the headers of a response, a dictionary (RFC 9651 §3.2); null if there is none. */
export function receipt(headers) {
  const text = headers.get("countersign-receipt");
  if (!text) return null;
  const members = Object.fromEntries(text.split(",").map((member) => {
    const [name, value = "?1"] = member.trim().split("=");
    return [name, value];
  }));
  return {
    complete: members.complete === "?1",
    nodes: Number(members.nodes),
    applied: Number(members.applied),
    lapsed: Number(members.lapsed),
    slowest: Number(members["slowest-ms"]),
    reason: members.reason,
  };
}

/** Returns what the receipt of a response says; null if the server gave none, or has no nodes. */
export function receiptText(response) {
  const found = response?.receipt;
  if (!found) return null;
  if (!found.complete) {
    return `Not yet known to be applied by every node: ${REASONS[found.reason] ?? "the server does not say why"}. Look at the nodes.`;
  }
  if (found.nodes === 0) return null;
  const lapsed = found.lapsed > 0 ? `; ${found.lapsed} decide nothing at present` : "";
  return `Applied by ${found.applied} of ${found.nodes} ${found.nodes === 1 ? "node" : "nodes"} within ${found.slowest} ms${lapsed}.`;
}
