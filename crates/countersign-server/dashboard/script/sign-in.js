// The page for signing in.

import { keyHeader, signIn, userHeader } from "./api.js";

const form = document.getElementById("sign-in");
const nameField = document.getElementById("name-field");
const name = document.getElementById("name");
const secret = document.getElementById("secret");
const secretLabel = document.getElementById("secret-label");
const problem = document.getElementById("problem");

const isUser = () => form.elements.kind.value === "user";

function showKind() {
  nameField.hidden = !isUser();
  secretLabel.textContent = isUser() ? "Password" : "API key";
  problem.textContent = "";
}

/** Returns the page that the user wanted, if it is one of the dashboard. */
function destination() {
  const wanted = sessionStorage.getItem("after-sign-in") ?? "";
  sessionStorage.removeItem("after-sign-in");
  return /^\/dashboard(\/[\w/-]*)?$/.test(wanted) && wanted !== "/dashboard/sign-in" ? wanted : "/dashboard";
}

function missing() {
  if (isUser() && !name.value.trim()) return [name, "Enter the user name."];
  if (!secret.value) return [secret, isUser() ? "Enter the password." : "Enter the API key."];
  return null;
}

function text(error) {
  if (error.status === 401 || error.status === 400) return isUser() ? "The user name or password is wrong." : "The API key is not valid.";
  if (error.code === "scope_missing") return "These credentials do not hold the scope countersign:admin.";
  if (error.status === 429) return `Too many attempts failed. Try again in ${error.retryAfter ?? 60} s.`;
  return error.message;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  problem.textContent = "";
  const lack = missing();
  if (lack) {
    problem.textContent = lack[1];
    lack[0].focus();
    return;
  }
  const submit = form.querySelector("button");
  submit.disabled = true;
  try {
    await signIn(isUser() ? userHeader(name.value.trim(), secret.value) : keyHeader(secret.value.trim()));
    secret.value = "";
    location.replace(destination());
  } catch (error) {
    problem.textContent = text(error);
    submit.disabled = false;
    secret.focus();
    secret.select();
  }
});

for (const choice of form.elements.kind) choice.addEventListener("change", showKind);
showKind();
if (!window.isSecureContext) {
  problem.textContent = "Over plain http, others can read the credentials: open this page over https, or on the machine of the server at a loopback address.";
  form.querySelector("button").disabled = true;
} else {
  secret.focus();
}
