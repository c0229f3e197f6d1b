// Refreshes the page in place while its tab is visible, and copies what is to be pasted elsewhere. Without this file the page
// has a link that refreshes it, and what is to be copied is selected by hand.
"use strict";
const SECONDS = 15;
const live = "[data-live]";
const focusable = "a[href], summary, button";
const failed = document.getElementById("refresh-failed");
const copied = document.getElementById("copied");
let etag = null;
let timer = 0;
// The exporter's clock, by which a reading is old: not that of the browser, which it is taken for until the first answer.
let clock = { at: Date.now(), since: performance.now() };

// Focus and open details outlive the elements that held them.
function keep(old, fresh) {
  for (const details of old.querySelectorAll("details[id]")) {
    const same = fresh.querySelector(`details[id="${CSS.escape(details.id)}"]`);
    if (same) same.open = details.open;
  }
  // What did not change stays, scrolled as it is.
  if (old.isEqualNode(fresh)) return;
  const focused = document.activeElement;
  const links = [...old.querySelectorAll(focusable)];
  const at = links.indexOf(focused);
  old.replaceWith(fresh);
  if (at < 0) return;
  const candidates = [...fresh.querySelectorAll(focusable)];
  const isSame = (link) => link?.getAttribute("href") === focused.getAttribute("href") && link?.textContent === focused.textContent;
  // Where several are alike, as the buttons are, the one at the same place.
  const same = [candidates[at], ...candidates].find(isSame) ?? candidates[at];
  same?.focus({ preventScroll: true });
}

// A button in front of each text that is to be pasted elsewhere.
function addButtons(page) {
  for (const text of page.querySelectorAll("pre")) {
    const button = page.createElement("button");
    Object.assign(button, { type: "button", className: "copy", textContent: "Copy" });
    text.before(button);
  }
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text.textContent);
  } catch {
    // Over plain HTTP browsers have no clipboard, but they copy what is selected.
    getSelection().selectAllChildren(text);
    const isCopied = document.execCommand("copy");
    if (!isCopied) return "Not copied: this browser allows it only by hand. The text is selected.";
    getSelection().removeAllRanges();
  }
  return "Copied";
}

function show(page) {
  const fresh = new Map([...page.querySelectorAll(live)].map((part) => [part.id, part]));
  const here = [...document.querySelectorAll(live)];
  // A page that says what is missing has no part but its age.
  const isSame = here.length > 1 && here.length === fresh.size && here.every((part) => fresh.has(part.id));
  if (isSame) {
    for (const part of here) keep(part, document.adoptNode(fresh.get(part.id)));
  } else {
    // Another kind of page came: the target left, or the master cannot be read any more.
    for (const part of ["main", "#age"]) keep(document.querySelector(part), document.adoptNode(page.querySelector(part)));
  }
  document.title = page.title;
}

function showAge() {
  const seconds = Math.round((clock.at + performance.now() - clock.since - Date.parse(document.getElementById("age").dataset.began)) / 1000);
  const age = seconds < 120 ? `${seconds} s old.` : `${Math.round(seconds / 60)} min old.`;
  const waits = isSelecting() ? " It waits while text is selected." : "";
  document.getElementById("old").textContent = seconds < 0 || Number.isNaN(seconds) ? "" : age + waits;
}

function complain(text) {
  failed.textContent = text;
  failed.hidden = !text;
}

// What somebody selects to copy it is not replaced under the pointer.
const isSelecting = () => getSelection()?.isCollapsed === false;

async function refresh() {
  if (isSelecting()) return plan();
  try {
    const headers = { Accept: "text/html", ...(etag && { "If-None-Match": etag }) };
    const answer = await fetch(location.href, { headers, signal: AbortSignal.timeout(SECONDS * 1000) });
    clock = { at: Date.parse(answer.headers.get("Date")), since: performance.now() };
    const text = await answer.text();
    // The selection began meanwhile.
    if (isSelecting()) return plan();
    if (answer.status !== 304) {
      const page = new DOMParser().parseFromString(text, "text/html");
      if (!page.querySelector("main")) throw new Error(`the exporter answered ${answer.status}`);
      etag = answer.headers.get("ETag");
      addButtons(page);
      show(page);
    }
    complain("");
  } catch (error) {
    complain(`This page is not refreshed: ${error.message}. It shows the last reading that arrived, and tries again.`);
  }
  plan();
}

function plan() {
  clearTimeout(timer);
  if (document.visibilityState === "visible") timer = setTimeout(refresh, SECONDS * 1000);
}

document.addEventListener("click", async ({ target }) => {
  if (target.matches("button.copy")) copied.textContent = await copy(target.nextElementSibling);
});
document.addEventListener("focusout", () => (copied.textContent = ""));
addButtons(document);
setInterval(showAge, 1000);
showAge();
document.addEventListener("visibilitychange", () => (document.visibilityState === "visible" ? refresh() : plan()));
plan();
