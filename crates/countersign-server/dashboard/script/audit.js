// The audit log, and whether it is intact.

import { get, query } from "./api.js";
import { button, h, show, title } from "./dom.js";
import { exactTime, id, number } from "./format.js";
import { showList } from "./list.js";

const COLUMNS = [
  { label: "What", cell: (record) => [h("strong", {}, record.action), h("span", { class: "id mono" }, `record ${record.number}`)] },
  { label: "When, by", cell: (record) => [exactTime(record.at), id(record.actor)] },
  { label: "Object", cell: (record) => (record.entity ? id(record.entity) : h("span", { class: "muted" }, "none")) },
  { label: "Detail", cell: (record) => {
    const members = Object.entries(record.detail ?? {});
    return members.length
      ? h("span", { class: "small" }, members.map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join(", "))
      : h("span", { class: "muted" }, "none");
  } },
];

async function verify(result) {
  show(result, h("p", { class: "notice" }, "Verifying …"));
  try {
    const verified = await get("/v1/audit/verify");
    show(result, verified.intact
      ? h("div", { class: "notice good" }, h("strong", {}, "The log is intact. "), `All ${number(verified.records)} records are as they were written. Checkpoint: `, h("code", {}, verified.checkpoint))
      : h("p", { class: "notice bad" }, h("strong", {}, `The log was tampered with at record ${verified.number}: `), verified.what));
  } catch (problem) {
    show(result, h("p", { class: "notice bad" }, problem.message));
  }
}

export async function start(main, session) {
  const list = h("section", { "aria-label": "Records" });
  const result = h("div", { role: "status", "aria-live": "polite" });
  show(main,
    title("Audit log", "Every change, newest first. Each record is chained to the one before it.",
      session.is_operator ? button("Verify the log", () => verify(result), { class: "primary" }) : null),
    result, list);
  await showList(list, {
    name: "Audit records",
    columns: COLUMNS,
    load: async (before) => {
      const page = await get(`/v1/audit${query({ limit: 100, before })}`);
      return { items: page.records, next: page.next };
    },
    words: (record) => [record.action, record.actor, record.entity, record.request_id, JSON.stringify(record.detail)],
    empty: ["There is no record."],
  });
}
