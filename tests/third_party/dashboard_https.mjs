// Signs in to the dashboard over https in Chromium, and attacks the session from a page of another site.
// Arguments: the URL of the server and an API key. Prints what was found as JSON.

import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const [, url, key] = process.argv[1] === "--" ? process.argv.slice(1) : ["", ...process.argv.slice(1)];
const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
const browser = await chromium.launch({ executablePath, args: process.getuid() === 0 ? ["--no-sandbox"] : [] });
const context = await browser.newContext({ ignoreHTTPSErrors: true });
const page = await context.newPage();
page.setDefaultTimeout(15000);

await page.goto(`${url}/dashboard`);
await page.waitForURL("**/dashboard/sign-in");
await page.locator("#secret").fill(key);
await page.keyboard.press("Enter");
await page.waitForURL("**/dashboard");
await page.locator("main:not([aria-busy]) h1").first().waitFor();
const cookies = (await context.cookies()).map(({ name, secure, httpOnly, sameSite, path, domain }) => ({ name, secure, httpOnly, sameSite, path, domain }));
const readable = await page.evaluate(() => document.cookie);

const attack = `<!doctype html><iframe src="${url}/dashboard"></iframe>
<form method="post" enctype="text/plain" action="${url}/dashboard/api/sign-out"><input name="x" value="y"></form>`;
const other = await context.newPage();
await other.route("https://other.example/", (route) => route.fulfill({ contentType: "text/html", body: attack }));
await other.goto("https://other.example/");
const framed = await other.frames()[1].evaluate(() => document.querySelector("main") !== null).catch(() => false);
await other.evaluate(async (target) => {
  await fetch(target, { method: "POST", mode: "no-cors", credentials: "include" }).catch(() => {});
}, `${url}/dashboard/api/sign-out`);
const submitted = other.waitForResponse((response) => response.url().endsWith("/sign-out"));
await other.evaluate(() => document.forms[0].submit());
const status = (await submitted).status();

await page.goto(`${url}/dashboard/keys`);
await page.locator("main:not([aria-busy]) h1").first().waitFor();
const heading = await page.locator("h1").textContent();
await browser.close();
console.log(JSON.stringify({ cookies, readable, status, framed, heading }));
