// Builds elements. Text is only ever inserted as text: nothing here parses markup.

const SVG = "http://www.w3.org/2000/svg";

function assemble(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") {
      for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Creates an HTML element with these attributes, event handlers (`on`) and children. A string is a text. */
export const h = (tag, properties = {}, ...children) => assemble(document.createElement(tag), properties, children);

/** Creates an SVG element. */
export const svg = (tag, properties = {}, ...children) => assemble(document.createElementNS(SVG, tag), properties, children);

/** Creates a button. */
export const button = (label, onClick, properties = {}) => h("button", { type: "button", ...properties, on: { click: onClick } }, label);

/** Replaces the children of an element. */
export const show = (element, ...children) => {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
};

/** Tells screen readers and others what has happened. */
export function announce(text) {
  const line = h("p", {}, text);
  document.getElementById("announcements").append(line);
  setTimeout(() => line.remove(), 15000);
}

/** Creates the head of a page: its title, a line below it, and its buttons. */
export const title = (text, line, ...actions) =>
  h("div", { class: "title" },
    h("div", {}, h("h1", {}, text), line ? h("p", { class: "muted" }, line) : null),
    actions.length ? h("div", { class: "actions" }, actions) : null);

/** Creates a table. A column has a `label`, a `cell` of an item, and perhaps a `class`; the first one is the heading of its row. */
export function table(caption, columns, items) {
  const cell = (column, item, index) =>
    h("td", { role: "cell", class: [index === 0 ? "lead" : "", column.class ?? ""].join(" ").trim() || null, "data-label": column.label }, h("div", {}, column.cell(item)));
  return h("div", { class: "table cards" },
    h("table", { role: "table", "aria-label": caption },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
        columns.map((column) => h("th", { role: "columnheader", scope: "col", class: column.class }, column.label)))),
      h("tbody", { role: "rowgroup" }, items.map((item) =>
        h("tr", { role: "row" }, columns.map((column, index) => cell(column, item, index)))))));
}

/** Shows that a page is for those who reach the whole server. */
export const operatorsOnly = (main, heading) => show(main, title(heading, null),
  h("p", { class: "notice" }, "This page shows the whole server, to credentials of the account default. Yours reach the credentials of your account: see the pages in the navigation."));

/** Shows a page now, and again every 5 s while it can be seen and its numbers are not being read. */
export async function repeat(main, update) {
  await update();
  setInterval(() => {
    if (document.hidden || main.querySelector("details[open]")) return;
    update().catch((problem) => show(main, h("p", { class: "notice bad", role: "alert" }, problem.message)));
  }, 5000);
}
