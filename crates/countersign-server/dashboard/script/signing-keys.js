// The signing keys of an issuer, and when the next one signs.

import { get, query, send } from "./api.js";
import { formDialog } from "./dialog.js";
import { announce, button, h, operatorsOnly, show, table, title } from "./dom.js";
import { duration, exactTime, state, time } from "./format.js";
import { receiptText } from "./receipt.js";

const LEADS = [["600", "10 minutes"], ["3600", "An hour"], ["86400", "A day"]];

const rotate = (session, issuer) => formDialog({
  heading: "Publish the next signing key",
  text: "Verifiers see the new key at once, and it signs after this time: longer than they cache the key set.",
  fields: [{ name: "lead", type: "select", label: "It signs after", options: LEADS }],
  label: "Publish",
  confirmWith: session,
  action: ({ lead }, headers) => send("POST", "/v1/signing-keys/rotate", { issuer: issuer.name, lead_seconds: Number(lead) }, headers),
});

const revoke = (issuer, key) => formDialog({
  heading: "Revoke the signing key",
  text: `Every token that ${key.kid} has signed is rejected, and clients must obtain new ones. Do this if its private part was exposed.`,
  label: "Revoke",
  danger: true,
  action: () => send("POST", `/v1/signing-keys/${encodeURIComponent(key.kid)}/revoke`, { issuer: issuer.name }),
});

/** Returns when the next key signs: the published one, or the one that the schedule will publish. */
function schedule(issuer, keys) {
  const pending = keys.find((key) => key.state === "pending");
  const active = keys.find((key) => key.state === "active");
  const every = duration(issuer.rotate_keys_every_seconds);
  if (pending) {
    return h("p", { class: "notice" }, "The next key is published, and signs from ", exactTime(pending.activates_at), " on. Keys rotate every ", every, ".");
  }
  if (!active) return h("p", { class: "notice bad" }, "No key signs at present: minting fails.");
  const since = new Date(active.activates_at).getTime();
  const due = new Date(since + issuer.rotate_keys_every_seconds * 1000);
  return h("div", { class: "notice schedule" },
    h("p", {}, "The active key signs until about ", exactTime(due.toISOString()), ". Keys rotate every ", every, ", without a rejected token."),
    h("meter", { value: Math.min(Date.now(), due.getTime()) - since, max: due.getTime() - since, "aria-label": "How much of its time the active key has signed" }));
}

async function showIssuer(element, session, issuer) {
  const { signing_keys: keys } = await get(`/v1/signing-keys${query({ issuer: issuer.name })}`);
  const refresh = () => showIssuer(element, session, issuer);
  const columns = [
    { label: "Key id", cell: (key) => h("code", {}, key.kid) },
    { label: "State", cell: (key) => state(key.state) },
    { label: "Algorithm", cell: (key) => key.algorithm },
    { label: "Published", cell: (key) => time(key.created_at) },
    { label: "Signs from", cell: (key) => exactTime(key.activates_at) },
    { label: "Action", cell: (key) => (["active", "pending", "retiring"].includes(key.state)
      ? button("Revoke", async () => {
        const revoked = await revoke(issuer, key);
        if (revoked === undefined) return;
        announce(["The signing key was revoked.", receiptText(revoked)].filter(Boolean).join(" "));
        await refresh();
      }, { class: "small danger", "aria-label": `Revoke key ${key.kid}` })
      : null) },
  ];
  show(element,
    h("div", { class: "toolbar" },
      h("div", {}, h("h2", {}, issuer.name), h("p", { class: "muted small" }, issuer.url)),
      button("Publish the next key", async () => {
        if (await rotate(session, issuer) === undefined) return;
        announce("The next key was published.");
        await refresh();
      })),
    schedule(issuer, keys),
    h("div", { class: "panel" }, table(`Signing keys of ${issuer.name}`, columns, keys)));
}

export async function start(main, session) {
  if (!session.is_operator) {
    operatorsOnly(main, "Signing keys");
    return;
  }
  show(main, title("Signing keys", "Tokens are signed with the active key of their issuer. Verifiers fetch the public keys."));
  for (const issuer of session.issuers) {
    const section = h("section", { "aria-label": `Issuer ${issuer.name}` });
    main.append(section);
    await showIssuer(section, session, issuer);
  }
}
