// One camera on the wall: its picture, its name, its state and its age.

/** @import { Camera } from "./cameras.js" */
/** @import { ServerClock } from "./clock.js" */
import { cameraAddress } from "./address.js";
import { nameOf } from "./cameras.js";
import { make, mark, text } from "./document.js";
import { summary } from "./labels.js";
import { measuredAge } from "./measures.js";
import { since } from "./view.js";
import { cameraState, capital, short, shortAge, tone } from "./words.js";

/**
 * @typedef {object} Item
 * @property {string} key id of the camera
 * @property {Camera} camera
 * @property {ServerClock} clock
 * @property {number} nowMs local time
 * @property {string} filter of the wall
 * @property {boolean} live the server's status is up to date
 */

/** @param {Item} item */
export function createTile({ key }) {
  const canvas = make("canvas", { width: 1, height: 1, "aria-hidden": "true" });
  const [title, detail] = [make("strong"), make("span")];
  const plate = make("span", { class: "tile-notice", "aria-hidden": "true" }, title, detail);
  const [name, seen, age] = [
    make("b", { class: "tile-name" }),
    make("span", { class: "tile-seen" }),
    make("span", { class: "tile-age", "data-testid": "tile-age" }),
  ];
  const open = make("a", { class: "tile", "data-camera": key }, make("span", { class: "tile-picture" }, canvas, plate));
  open.append(make("span", { class: "tile-line" }, name, seen, age));
  return { root: make("li", {}, open), open, canvas, plate, title, detail, name, seen, age };
}

/**
 * @param {ReturnType<typeof createTile>} parts
 * @param {Item} item
 */
export function updateTile(parts, { camera, clock, nowMs, filter, live }) {
  const { open, canvas, plate, title, detail, name, seen, age } = parts;
  const { status, head } = camera;
  const shown = tileState(camera);
  const duration = shown.at ? since(clock, nowMs, shown.at) : "";
  mark(open, "href", cameraAddress(camera.id, filter));
  mark(open, "data-tone", live ? shown.tone : "idle");
  mark(open, "data-state", status?.state ?? "waiting");
  mark(open, "aria-label", `${short(nameOf(camera))}: ${live ? shown.words || "live" : "last picture"}`);
  text(name, short(nameOf(camera)));
  mark(name, "title", status?.title ? `${status.title} (${camera.id})` : camera.id);
  text(seen, shown.tone === "ok" && head ? short(summary(head.predictions)) : "");
  plate.hidden = !shown.words;
  text(title, capital(shown.words));
  text(detail, duration);
  const measured = measuredAge(camera, clock, nowMs);
  const known = measured !== null && measured !== "unknown";
  text(age, known ? shortAge(measured.ms) : measured === "unknown" ? "clock?" : "");
  mark(age, "data-ms", known ? measured.ms.toFixed(0) : "");
  for (const [attribute, value] of Object.entries({ seq: head?.seq, width: head?.width, shown: camera.shown })) {
    mark(canvas, `data-${attribute}`, value);
  }
}

/**
 * Return what a tile shows of a camera's state: its tone, and in words what is written over the picture, if anything.
 * @param {Camera} camera
 * @returns {{ tone: import("./words.js").Tone, words: string, at: number | null }}
 */
export function tileState({ status, head }) {
  const notice = status?.notice?.toLowerCase();
  if (notice) return { tone: "bad", words: short(notice), at: status?.since ?? null };
  const named = cameraState(status);
  if (tone(named) === "ok") return { tone: "ok", words: head ? "" : "waiting for a picture", at: null };
  return { tone: tone(named), words: short(named), at: status?.since ?? null };
}
