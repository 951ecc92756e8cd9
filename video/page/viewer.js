// Who is watching: its name in the header, the way in and out, and links for others.

/** @import { Whoami } from "./whoami.js" */
import { object, string } from "./checked.js";
import { announce, byId, make } from "./document.js";
import { linkTimes, readWhoami, viewerDetail, viewerText } from "./whoami.js";

/**
 * Show who is watching, and what it may do.
 * @param {URL} page address of the page's folder
 * @param {() => string | null} selected returns the camera that is shown, if it is one
 */
export async function showViewer(page, selected) {
  const answer = await ask(page, "whoami");
  if (!answer?.ok) return;
  const viewer = readWhoami(await answer.json());
  const slot = byId("header-slot");
  const text = viewerText(viewer);
  if (text) slot.append(nameButton(page, viewer, text));
  if (viewer.mayShare) slot.append(shareButton(page, viewer, selected));
  if (viewer.by === "login" || viewer.by === "token") slot.append(logoutButton(page));
  if (viewer.by === "nobody" || viewer.by === "link") slot.append(...waysIn(viewer));
}

/**
 * Return the viewer's name; it opens what there is to know of the viewer.
 * @param {URL} page
 * @param {Whoami} viewer
 * @param {string} text
 */
function nameButton(page, viewer, text) {
  const attributes = { id: "viewer", type: "button", "data-testid": "viewer", "aria-haspopup": "dialog" };
  const button = make("button", attributes, text);
  const detail = make("p", {}, viewerDetail(viewer));
  const dialog = make(
    "dialog",
    { id: "viewer-dialog", "aria-labelledby": "h-viewer" },
    make("h2", { id: "h-viewer" }, text),
    detail,
    make("form", { method: "dialog" }, make("button", {}, "Close")),
  );
  document.body.append(dialog);
  button.addEventListener("click", async () => {
    dialog.showModal();
    const now = await ask(page, "whoami");
    if (now?.ok) detail.textContent = viewerDetail(readWhoami(await now.json()));
  });
  return button;
}

/** @param {Whoami} viewer */
function waysIn(viewer) {
  const ways = [];
  if (viewer.login.oidc) ways.push(make("a", { class: "button", id: "login", href: "login" }, "Log in"));
  if (viewer.login.token) ways.push(make("a", { class: "button", href: "login/token" }, "Use a token"));
  return ways;
}

/** @param {URL} page */
function logoutButton(page) {
  const button = make("button", { id: "logout", type: "button" }, "Log out");
  button.addEventListener("click", async () => {
    const answer = await ask(page, "logout", { method: "POST", headers: { Accept: "application/json" } });
    if (!answer?.ok) return announce("The server does not respond.");
    location.assign(new URL(string(object(await answer.json()).location) ?? "./", page));
  });
  return button;
}

/**
 * @param {URL} page
 * @param {Whoami} viewer
 * @param {() => string | null} selected
 */
function shareButton(page, viewer, selected) {
  const button = make("button", { id: "share", type: "button", "aria-haspopup": "dialog" }, "Share");
  const camera = make("select", { id: "share-camera" });
  const time = make("select", { id: "share-time" });
  for (const { seconds, text } of linkTimes(viewer)) time.append(make("option", { value: seconds }, text));
  const link = make("input", { id: "share-link", type: "text", readonly: "", "aria-label": "Link" });
  const said = make("p", { id: "share-said", role: "status" });
  const create = make("button", { id: "share-make", type: "button" }, "Make link");
  const dialog = make(
    "dialog",
    { id: "share-dialog", "aria-labelledby": "h-share" },
    make("h2", { id: "h-share" }, "Share one camera"),
    make("p", {}, "Whoever has the link sees this camera and no other, until the link expires."),
    make("label", { for: "share-camera" }, "Camera"),
    camera,
    make("label", { for: "share-time" }, "Valid for"),
    time,
    create,
    link,
    said,
    make("form", { method: "dialog" }, make("button", {}, "Close")),
  );
  document.body.append(dialog);
  button.addEventListener("click", async () => {
    const now = await ask(page, "whoami");
    const ids = now?.ok ? readWhoami(await now.json()).cameras : viewer.cameras;
    camera.replaceChildren(...ids.map((id) => make("option", { value: id }, id)));
    camera.value = selected() ?? ids[0] ?? "";
    link.value = said.textContent = "";
    dialog.showModal();
  });
  create.addEventListener("click", async () => {
    const wish = JSON.stringify({ camera: camera.value, for: Number(time.value) });
    const headers = { "Content-Type": "application/json" };
    const answer = await ask(page, "links", { method: "POST", headers, body: wish });
    const made = answer ? object(await answer.json()) : {};
    link.value = string(made.url) ?? "";
    said.textContent = link.value ? "Copy the link." : (string(made.error) ?? "The server does not respond.");
    link.select();
  });
  return button;
}

/**
 * @param {URL} page
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<Response | null>} null if the server does not answer
 */
async function ask(page, path, options) {
  try {
    return await fetch(new URL(path, page), { cache: "no-store", ...options });
  } catch {
    return null;
  }
}
