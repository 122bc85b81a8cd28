// Shows a new secret, once.

import { announce, button, h } from "./dom.js";
import { open } from "./dialog.js";

/** Quotes a word for a shell. */
const quoted = (word) => `'${word.replaceAll("'", "'\\''")}'`;

function copyable(label, text) {
  return h("div", { class: "copy" },
    h("div", {}, h("h3", {}, label), button("Copy", async () => {
      await navigator.clipboard.writeText(text);
      announce(`${label} copied.`);
    }, { class: "small", "aria-label": `Copy: ${label}` })),
    h("pre", { tabindex: "0", role: "group", "aria-label": label }, text));
}

function curl(session, key) {
  const issuer = session.issuers[0];
  return issuer.token_url
    ? `curl -sS ${quoted(issuer.token_url)} -H ${quoted(`x-api-key: ${key}`)} -d grant_type=client_credentials`
    : `curl -sS ${quoted(issuer.whoami_url)} -H ${quoted(`x-api-key: ${key}`)}`;
}

/** Shows the secret of a key that was created or rotated. Returns when the user has closed it. */
export function showKey(session, heading, created) {
  return new Promise((resolve) => {
    const dialog = open(heading,
      h("p", { class: "notice warn" }, "Store the key now. It is shown this once, and the server keeps only a digest of it."),
      h("div", { class: "once" },
        copyable("API key", created.key),
        copyable("Try it", curl(session, created.key)),
        h("div", { class: "buttons" }, button("I have stored the key", () => dialog.close(), { class: "primary" }))));
    // Escape would lose the key by accident.
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.addEventListener("close", () => resolve());
  });
}
