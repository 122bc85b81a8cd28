// Starts a page: who signed in, and the script that shows the content.

import { get, signOut } from "./api.js";
import { button, h, show } from "./dom.js";

const main = document.getElementById("main");

function showWho(session) {
  const name = session.name ?? session.credential_id;
  show(document.getElementById("who"),
    h("p", {}, h("span", { class: "muted" }, session.kind === "user" ? "Signed in as user" : "Signed in with key"), h("br"), h("strong", {}, name)),
    button("Sign out", async () => {
      await signOut();
      location.replace("/dashboard/sign-in");
    }, { class: "small" }));
}

/**
 * Scrolls the navigation, which is one line on narrow screens, to the present page. `scrollIntoView` would also change where Tab
 * begins.
 */
function showPlace() {
  const nav = document.querySelector("nav");
  const [around, current] = [nav, nav.querySelector("[aria-current]")].map((element) => element.getBoundingClientRect());
  nav.scrollLeft += current.left - around.left - (around.width - current.width) / 2;
}

async function start() {
  const session = await get("/session");
  showWho(session);
  showPlace();
  const page = await import(`./${document.body.dataset.script}.js`);
  await page.start(main, session);
}

try {
  await start();
} catch (problem) {
  show(main, h("h1", {}, "This page cannot be shown"), h("p", { class: "notice bad", role: "alert" }, problem.message),
    h("p", {}, h("a", { href: location.pathname }, "Try again")));
}
main.removeAttribute("aria-busy");
