// Walks through the dashboard in Chromium: by the keyboard alone, with axe-core on every page, and with names that are markup.
// Arguments: the URL of the server, an API key, and perhaps a folder for screenshots. Prints what was found as JSON.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";

const axe = createRequire(join(process.cwd(), "index.js"))("axe-core").source;
const [, url, key, folder] = process.argv[1] === "--" ? process.argv.slice(1) : ["", ...process.argv.slice(1)];
const MARKUP = "<img src=x onerror=alert(1)><script>alert(1)</script>";
const WIDTHS = { wide: { width: 1280, height: 860 }, narrow: { width: 360, height: 740 } };

const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
const browser = await chromium.launch({ executablePath, args });
const found = { foreign: [], errors: [], dialogs: [], violations: [], overflows: [], pages: 0 };

async function open(viewport, colorScheme) {
  const context = await browser.newContext({ viewport, colorScheme, reducedMotion: "reduce", timezoneId: "UTC", locale: "en-GB" });
  await context.grantPermissions(["clipboard-write", "clipboard-read"], { origin: url });
  const page = await context.newPage();
  page.setDefaultTimeout(15000);
  page.on("request", (request) => request.url().startsWith(`${url}/dashboard`) || found.foreign.push(request.url()));
  page.on("pageerror", (error) => found.errors.push(String(error)));
  page.on("console", (message) => message.type() === "error" && found.errors.push(message.text()));
  page.on("dialog", (dialog) => {
    found.dialogs.push(dialog.message());
    dialog.dismiss();
  });
  return page;
}

/** Returns when the page has loaded all that it shows. */
async function settled(page) {
  await page.locator("main:not([aria-busy]) h1").first().waitFor();
}

async function check(page, name) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  for (const { id, nodes } of violations) found.violations.push(`${name}: ${id}: ${nodes.map((node) => node.target).join(" ")}`);
  const width = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (width > 0) found.overflows.push(`${name}: ${width} px`);
  found.pages += 1;
}

/** Presses Tab until the focus is on an element with this text, whose focus must be visible. */
async function tabTo(page, text) {
  for (let presses = 0; presses < 120; presses += 1) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(() => {
      const element = document.activeElement;
      const label = element.labels?.[0]?.textContent ?? element.getAttribute("aria-label") ?? element.textContent;
      const { outlineStyle, outlineWidth } = getComputedStyle(element);
      return { label: label.trim(), outline: outlineStyle !== "none" && outlineWidth !== "0px" };
    });
    if (focused.label !== text) continue;
    if (!focused.outline) throw new Error(`the focus on ${text} is not visible`);
    return;
  }
  throw new Error(`Tab does not reach ${text}`);
}

async function press(page, text) {
  await tabTo(page, text);
  await page.keyboard.press("Enter");
}

async function type(page, label, text) {
  await tabTo(page, label);
  await page.keyboard.type(text);
}

async function signIn(page) {
  await page.goto(`${url}/dashboard`);
  await page.waitForURL("**/dashboard/sign-in");
  await page.getByLabel("API key", { exact: true }).last().fill(key);
  await page.keyboard.press("Enter");
  await page.waitForURL("**/dashboard");
  await settled(page);
}

/** Signs in, creates a key, uses and revokes it, ends a session, and signs out: without a pointer. */
async function walk() {
  const page = await open(WIDTHS.wide, "light");
  await page.goto(`${url}/dashboard/keys`);
  await page.waitForURL("**/dashboard/sign-in");
  await page.waitForFunction(() => document.activeElement?.id === "secret");
  await page.keyboard.type("cs_wrong");
  await page.keyboard.press("Enter");
  await page.getByText("The API key is not valid.").waitFor();
  await page.keyboard.press("Control+A");
  await page.keyboard.type(key);
  await page.keyboard.press("Enter");
  await page.waitForURL("**/dashboard/keys");
  await settled(page);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement?.id === "main");
  await press(page, "Create a key");
  await page.getByRole("dialog").waitFor();
  await check(page, "dialog to create a key");
  await page.keyboard.type(MARKUP);
  await type(page, "Scopes", "calls:read");
  await type(page, "The API key that you signed in with", "cs_wrong");
  await page.keyboard.press("Enter");
  await page.getByText("The secret is wrong").waitFor();
  await page.keyboard.press("Shift+Tab");
  await type(page, "The API key that you signed in with", key);
  await page.keyboard.press("Enter");
  await page.getByText("Store the key now.").waitFor();
  await check(page, "dialog with the new key");
  const shown = await page.locator("dialog pre").first().textContent();
  const whoami = () => fetch(`${url}/whoami`, { headers: { "x-api-key": shown } });
  found.accepted = (await whoami()).status;
  await page.keyboard.press("Escape");
  await press(page, "Copy: API key");
  found.copied = (await page.evaluate(() => navigator.clipboard.readText())) === shown;
  await press(page, "I have stored the key");
  await page.waitForURL(/\/dashboard\/keys\/[0-9a-z]{32}$/);
  await settled(page);
  await check(page, "page of a key");
  found.name = await page.locator("h1").textContent();
  await press(page, "Rotate");
  await type(page, "The API key that you signed in with", key);
  await page.keyboard.press("Enter");
  await page.getByText("The key was rotated").waitFor();
  await press(page, "I have stored the key");
  await page.getByText("The previous secret works").waitFor();
  await press(page, "Revoke");
  await type(page, "Reason, for the record", "tried it");
  await page.keyboard.press("Enter");
  await page.locator("dd .state", { hasText: "revoked" }).waitFor();
  found.revoked = (await whoami()).status;
  found.receipt = await page.locator("#announcements p").last().textContent();
  found.storedKey = await page.evaluate((text) => JSON.stringify({ ...localStorage, ...sessionStorage, at: location.href }).includes(text), key);
  await page.goto(`${url}/dashboard/sessions`);
  await settled(page);
  await press(page, "End session console");
  await page.getByRole("dialog").waitFor();
  await press(page, "End");
  await page.getByText("There is no session").waitFor();
  found.ended = await page.locator("#announcements p").last().textContent();
  await press(page, "Sign out");
  await page.waitForURL("**/dashboard/sign-in");
  await page.goto(`${url}/dashboard`);
  await page.waitForURL("**/dashboard/sign-in");
  await page.context().close();
}

const ago = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();

/** Returns the overview of a server with three nodes and an hour of traffic, which a test does not have. */
function exampleOverview() {
  const wave = (mean, swing) => Array.from({ length: 60 }, (_, minute) => Math.round(mean + swing * (Math.sin(minute / 6) + 0.4 * Math.sin(minute * 1.7))));
  const none = Array(60).fill(0);
  const receipts = Array.from({ length: 60 }, (_, minute) => ([3, 4, 11, 12, 19, 27, 28, 33, 41, 46, 47, 55, 58].includes(minute) ? 1 : 0));
  const node = (number, view_age_ms, started) => ({
    id: `01m8hfz8g4953fkk4x8t2vqz34va${number}975`, name: `auth-${number}/${710 + number}`, state: "active", applied: 4127, behind: 0, view_age_ms,
    seen_at: ago(number * 2), started_at: ago(started), max_staleness_ms: 5000, when_stale: "refuse",
  });
  return {
    ready: true, draining: false, view_age_ms: 35, max_staleness_ms: 5000, signing_key_age_seconds: 1036800, uptime_seconds: 267000,
    nodes: [node(1, 35, 267000), node(2, 41, 266400), node(3, 48, 265800)],
    hour: {
      accepted: wave(820, 260), rejected: wave(36, 18), unavailable: none, minted: wave(60, 22), failed: none,
      receipts, propagation_ms: receipts.map((count, minute) => count * (22 + (minute * 37) % 41)), incomplete: none,
      accepted_by_scheme: { bearer: 45210, api_key: 3120, basic: 280 },
      rejected_by_reason: { token_expired: 1102, no_credentials: 611, scope_missing: 286, superseded: 141, secret_wrong: 29 },
    },
  };
}

/** Answers with a list whose items were created over months instead of at once. */
async function aged(route) {
  const response = await route.fetch();
  const json = await response.json();
  for (const items of Object.values(json).filter(Array.isArray)) {
    for (const [index, item] of items.entries()) {
      const day = 86400 * (items.length - index);
      if (item.created_at) item.created_at = ago(17 * day);
      if (item.at) item.at = ago(11000 * index ** 1.3 + 240);
      if (item.status === "active" && "last_used_at" in item) item.last_used_at = ago(14 * 9 ** index);
    }
  }
  await route.fulfill({ response, json });
}

async function look(width, colorScheme) {
  const page = await open(WIDTHS[width], colorScheme);
  const picture = async (name) => {
    await check(page, `${name}, ${width}, ${colorScheme}`);
    if (folder) await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`), scale: "css", fullPage: width === "wide" && name !== "audit" });
  };
  await page.goto(`${url}/dashboard/sign-in`);
  await picture("sign-in");
  if (folder) {
    await page.route("**/dashboard/api/overview", (route) => route.fulfill({ json: exampleOverview() }));
    await page.route(/\/dashboard\/api\/v1\/(keys|users|managed-tokens|accounts|environments|audit)\?/, aged);
  }
  await signIn(page);
  await picture("overview");
  for (const name of ["keys", "users", "managed-tokens", "sessions", "accounts", "signing-keys", "audit", "nodes"]) {
    await page.goto(`${url}/dashboard/${name}`);
    await settled(page);
    await picture(name);
  }
  await page.goto(`${url}/dashboard/keys`);
  await page.getByRole("link", { name: "billing worker" }).click();
  await page.getByText("The previous secret works").waitFor();
  await settled(page);
  await picture("key");
  await page.context().close();
}

for (const width of ["wide", "narrow"]) {
  for (const scheme of ["light", "dark"]) await look(width, scheme);
}
await walk();
await browser.close();
console.log(JSON.stringify(found));
