// A list that is loaded page by page, and searched in what was loaded.

import { button, h, show, table } from "./dom.js";
import { number } from "./format.js";

/**
 * Shows a list in an element. `load` gets the cursor of a page and returns its `items` and the `next` cursor. `words` returns the
 * texts of an item that are searched. `find`, if given, looks up what is not in the part that was loaded. `empty` has the lines that
 * are shown if there are no items.
 */
export async function showList(element, { name, columns, load, words, find, filters = [], empty }) {
  const items = [];
  let next = null;
  const rows = h("div", { class: "panel" });
  const more = h("div", { class: "more" });
  const count = h("p", { class: "muted small", role: "status" });
  const search = h("input", { type: "search", id: "search", autocomplete: "off", spellcheck: "false", on: { input: () => render() } });
  const selects = filters.map((filter) => h("select", { id: `filter-${filter.name}`, on: { change: () => render() } },
    filter.options.map(([value, label]) => h("option", { value }, label))));

  function matching() {
    const wanted = search.value.trim().toLowerCase();
    return items.filter((item) =>
      filters.every((filter, index) => !selects[index].value || filter.matches(item, selects[index].value))
      && (!wanted || words(item).some((word) => word?.toLowerCase().includes(wanted))));
  }

  function render() {
    const found = matching();
    const none = items.length ? ["Nothing matches."] : empty;
    show(rows, found.length ? table(name, columns, found) : h("div", { class: "empty" }, none.map((line) => h("p", {}, line))));
    count.textContent = items.length === 0 ? "" : found.length === items.length
      ? `${number(items.length)} shown${next === null ? "" : ", and there are more"}`
      : `${number(found.length)} of ${number(items.length)} match${next === null ? "" : ", and there are more to load"}`;
    const wanted = search.value.trim();
    show(more, count,
      next === null ? null : button("Load more", loadMore),
      find && wanted && !found.length ? find(wanted) : null);
  }

  async function loadMore() {
    const page = await load(next);
    items.push(...page.items);
    next = page.next;
    render();
  }

  show(element,
    h("div", { class: "toolbar", role: "search" },
      h("div", { class: "field search" }, h("label", { for: "search" }, "Search"), search),
      filters.map((filter, index) => h("div", { class: "field" }, h("label", { for: `filter-${filter.name}` }, filter.label), selects[index]))),
    rows, more);
  await loadMore();
}
