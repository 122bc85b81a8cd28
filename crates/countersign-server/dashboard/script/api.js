// Calls the interface of the dashboard. The browser adds the cookie; a secret travels in a header and never in an address.

import { receipt } from "./receipt.js";

const BASE = "/dashboard/api";

/** An error response, with its code and text (RFC 9457). */
export class Problem extends Error {
  constructor(status, { code, detail } = {}, retryAfter = null) {
    super(detail ?? "The server answered with an error.");
    this.status = status;
    this.code = code ?? "unknown";
    this.retryAfter = retryAfter;
  }
}

async function request(method, path, { body, headers = {} } = {}) {
  const options = { method, headers: { ...headers }, cache: "no-store", redirect: "error" };
  if (body !== undefined) {
    options.headers["content-type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(BASE + path, options);
  } catch {
    throw new Problem(0, { code: "unreachable", detail: "The server does not answer." });
  }
  const text = await response.text();
  const json = text ? parse(text) : null;
  if (!response.ok) throw new Problem(response.status, json ?? {}, response.headers.get("retry-after"));
  return method === "GET" ? json : { ...json, receipt: receipt(response.headers) };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Calls the interface for a signed-in user, and goes to the page for signing in if the session has ended. */
async function signedIn(method, path, options) {
  try {
    return await request(method, path, options);
  } catch (problem) {
    if (problem.status === 401) {
      sessionStorage.setItem("after-sign-in", location.pathname);
      location.replace("/dashboard/sign-in");
      return new Promise(() => {});
    }
    throw problem;
  }
}

export const get = (path) => signedIn("GET", path);
/** Makes a change, waits until all nodes have applied it, and returns the response with its `receipt`. */
export const send = (method, path, body, headers) => signedIn(method, `${path}?wait=all`, { body, headers });
export const signIn = (headers) => request("POST", "/sign-in", { headers });
export const signOut = () => request("POST", "/sign-out");

/** Returns the header that presents an API key. */
export const keyHeader = (key) => ({ "x-api-key": key });

/** Returns the header that presents a user name and password (RFC 7617, UTF-8). */
export function userHeader(name, password) {
  const bytes = new TextEncoder().encode(`${name}:${password}`);
  return { authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` };
}

/** Builds a query of the parameters that are set. */
export function query(parameters) {
  const set = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return set.length ? `?${new URLSearchParams(set)}` : "";
}
