// Dialogs with a form. What gives access asks for the secret again.

import { keyHeader, userHeader } from "./api.js";
import { button, h } from "./dom.js";

let count = 0;

function control(field, id) {
  const common = { id, name: field.name, required: field.required, "aria-describedby": field.hint ? `${id}-hint` : null };
  if (field.type === "select") {
    return h("select", common, field.options.map(([value, label]) => h("option", { value, selected: value === field.value }, label)));
  }
  return h("input", { ...common, type: field.type ?? "text", value: field.value, autocomplete: field.autocomplete ?? "off", spellcheck: "false", maxlength: field.maxlength, placeholder: field.placeholder });
}

function fieldElement(field) {
  const id = `field-${++count}`;
  if (field.type === "checkbox") {
    return h("label", { class: "check" }, h("input", { type: "checkbox", name: field.name }), h("span", {}, field.label));
  }
  return h("div", { class: "field" },
    h("label", { for: id }, field.label),
    control(field, id),
    field.hint ? h("p", { class: "hint", id: `${id}-hint` }, field.hint) : null);
}

/** Opens a dialog with this content. It is removed when it closes, and the focus goes back to where it was. */
export function open(heading, ...content) {
  const id = `dialog-${++count}`;
  const dialog = h("dialog", { "aria-labelledby": id, on: { close: () => dialog.remove() } }, h("h2", { id }, heading), content);
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

function values(form) {
  const found = {};
  for (const element of form.elements) {
    if (!element.name) continue;
    found[element.name] = element.type === "checkbox" ? element.checked : element.value.trim();
  }
  return found;
}

const secretField = (session) => ({
  name: "own-secret",
  type: "password",
  label: session.kind === "user" ? "Your password" : "The API key that you signed in with",
  hint: "Asked again, because this gives access.",
  autocomplete: "current-password",
  required: true,
});

function ownHeaders(session, secret) {
  return session.kind === "user" ? userHeader(session.name, secret) : keyHeader(secret);
}

/**
 * Opens a dialog with a form. `action` gets the values and the headers that confirm the request; the dialog stays open while it
 * fails. Returns the result of `action`, or undefined if the dialog was cancelled.
 */
export function formDialog({ heading, text, fields = [], label, danger, confirmWith, action }) {
  return new Promise((resolve) => {
    const problem = h("p", { class: "problem", role: "alert" });
    const submit = h("button", { type: "submit", class: danger ? "primary danger" : "primary" }, label);
    const all = confirmWith ? [...fields, secretField(confirmWith)] : fields;
    const form = h("form", { method: "dialog" },
      all.map(fieldElement), problem,
      h("div", { class: "buttons" }, button("Cancel", () => dialog.close()), submit));
    const dialog = open(heading, text ? h("p", { class: "muted" }, text) : null, form);
    let result;
    dialog.addEventListener("close", () => resolve(result));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      problem.textContent = "";
      submit.disabled = true;
      try {
        const { "own-secret": secret, ...entered } = values(form);
        const headers = confirmWith ? ownHeaders(confirmWith, secret) : {};
        result = (await action(entered, headers)) ?? null;
        dialog.close();
      } catch (error) {
        problem.textContent = error.message;
        submit.disabled = false;
      }
    });
  });
}
