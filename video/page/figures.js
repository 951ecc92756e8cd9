// The measurements of the picture: its age and rate, as numbers and as lines.

/** @import { View } from "./view.js" */
import { nameOf } from "./cameras.js";
import { localMs } from "./clock.js";
import { byId, canvasById, make, mark, text } from "./document.js";
import { headline } from "./labels.js";
import { measuredAge, measuredRate, sample } from "./measures.js";
import { drawSparkline } from "./sparkline.js";
import { age, fixed, grouped, short } from "./words.js";

const AGE_TOP_MS = 50; // the lines' scales reach at least this far
const RATE_TOP_FPS = 10;

/**
 * @param {View} view
 * @param {number} nowMs local time
 */
export function renderFigures(view, nowMs) {
  const camera = view.cameras.selected;
  const rate = measuredRate(camera, nowMs);
  const shownAge = renderAge(view, nowMs);
  const shownRate = rate === null ? "–" : rate.toFixed(1);
  figure("fps", shownRate, rate === null ? "" : "fps");
  mark(byId("fps"), "data-fps", rate === null ? "" : rate.toFixed(2));
  const sent = camera?.status?.fps;
  const skipped = camera && view.status?.viewer.get(camera.id)?.skipped;
  text(byId("fps-sent"), sent != null && view.connection.state === "open" ? `Camera ${sent.toFixed(1)} fps` : "");
  text(byId("fps-skipped"), skipped === undefined ? "" : `Skipped for this page ${grouped(skipped)}`);
  const seen = headline(camera?.head?.predictions ?? []);
  text(byId("hud-left"), camera ? [short(nameOf(camera)), seen].filter(Boolean).join("   ·   ") : "");
  text(byId("hud-right"), camera ? `${shownAge}   ·   ${shownRate} fps` : "");
}

/** @param {View} view */
export function sampleAll(view) {
  const now = localMs();
  for (const camera of view.cameras.byId.values()) sample(camera, view.clock, now);
  renderLines(view);
}

/** @param {View} view */
export function renderLines({ cameras }) {
  drawSparkline(canvasById("age-line"), cameras.selected?.ageLine ?? [], AGE_TOP_MS);
  drawSparkline(canvasById("fps-line"), cameras.selected?.fpsLine ?? [], RATE_TOP_FPS);
}

/**
 * @param {View} view
 * @param {number} nowMs
 * @returns {string} the age as it is shown
 */
function renderAge({ cameras, clock }, nowMs) {
  const measured = measuredAge(cameras.selected, clock, nowMs);
  const unknown = measured === "unknown";
  const known = measured === null || unknown ? null : measured;
  const [value, unit] = known ? age(known.ms) : [unknown ? "unknown (clock)" : "–", ""];
  figure("age", value, unit);
  mark(byId("age"), "data-words", unknown ? "" : null);
  mark(byId("age"), "data-ms", known ? known.ms.toFixed(1) : "");
  const p95Ms = known?.p95Ms ?? null;
  let below = "";
  if (unknown) below = "The clocks of camera and server disagree";
  else if (p95Ms !== null) below = `95 % under ${age(p95Ms).join(" ")}`;
  else if (known) below = "No new picture";
  text(byId("age-p95"), below);
  mark(byId("age-p95"), "data-ms", p95Ms === null ? "" : p95Ms.toFixed(1));
  const roundTripMs = known && clock.roundTripMs;
  text(byId("age-clock"), roundTripMs === null ? "" : `Clock accurate to ±${fixed(roundTripMs / 2, 1)} ms`);
  return `${value} ${unit}`;
}

/** @type {Map<string, { number: Text, unit: HTMLElement }>} */
const figures = new Map();

/**
 * Show a number with its unit.
 * @param {string} id
 * @param {string} value
 * @param {string} unit
 */
function figure(id, value, unit) {
  let parts = figures.get(id);
  if (!parts) {
    parts = { number: document.createTextNode(""), unit: make("small") };
    byId(id).replaceChildren(parts.number, parts.unit);
    figures.set(id, parts);
  }
  if (parts.number.data !== value) parts.number.data = value;
  text(parts.unit, unit);
}
