// Links for other programs and pages.

import { copyFrom } from "./clipboard.js";
import { byId, linkById, make } from "./document.js";

/**
 * Show the links of a camera.
 * @param {URL} page address of the page's folder
 * @param {string | null} camera
 */
export function renderStreams(page, camera) {
  /** @param {string} path */
  const address = (path) => new URL(path, page).href;
  const rows = [row("All cameras, JSON", address("cameras")), row("HTTP interface", address("docs"))];
  if (camera !== null) {
    /** @param {string} path */
    const of = (path) => address(`cameras/${encodeURIComponent(camera)}/${path}`);
    rows.unshift(
      row("MJPEG stream", of("stream")),
      row("Snapshot, JPEG", of("snapshot.jpg")),
      row("Predictions, JSON", of("predictions")),
      row("Predictions, events", address(`predictions/stream?camera=${encodeURIComponent(camera)}`)),
      row("Embed in a page", `<img src="${of("stream")}" alt="${escaped(camera)}">`, { link: false }),
    );
    linkById("snapshot").href = of("snapshot.jpg");
    linkById("snapshot").download = `${camera}.jpg`;
  }
  byId("streams").replaceChildren(...rows);
}

/**
 * @param {string} name
 * @param {string} value
 * @param {{ link?: boolean }} [options] link: the value is an address
 */
function row(name, value, { link = true } = {}) {
  const shown = link ? make("a", { href: value }, value.replace(/^https?:\/\//, "")) : value;
  const code = make("code", { title: value }, shown);
  const button = make("button", { type: "button", "aria-label": `Copy: ${name}` }, "Copy");
  button.addEventListener("click", () => copyFrom(value, button));
  return make("li", {}, make("div", { class: "link" }, make("span", {}, name), code), button);
}

/** @param {string} value */
function escaped(value) {
  return value.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
}
