// Texts for people: numbers, durations, names and states. Pure functions.

/** @typedef {"ok" | "idle" | "bad"} Tone */

const LONGEST_TEXT = 200; // characters; where it matters, the whole text is in the element's title
const OK = new Set(["up", "live", "ok"]);
const IDLE = new Set(["waiting", "ending", "removed", "disabled", "no report"]);

/**
 * Format a whole number with thin spaces between groups of three digits.
 * @param {number} count
 */
export function grouped(count) {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, "\u2009");
}

/**
 * Format a number with a minus sign instead of a hyphen.
 * @param {number} value
 * @param {number} digits after the decimal point
 */
export function fixed(value, digits) {
  return value.toFixed(digits).replace("-", "−");
}

/** @param {string} name such as `lost_upstream` */
export function words(name) {
  return name.replaceAll("_", " ");
}

/** @param {string} sentence */
export function capital(sentence) {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

/**
 * Shorten a text to the longest that the page shows.
 * @param {string} text
 */
export function short(text) {
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT - 1)}…` : text;
}

/**
 * Return a reason as a sentence; empty if there is none.
 * @param {string | null | undefined} reason
 */
export function sentence(reason) {
  return reason ? `${capital(reason)}${/[.!?]$/.test(reason) ? "" : "."}` : "";
}

/**
 * Format a duration in its largest unit; with `fine`, minutes include their seconds.
 * @param {number} ms
 * @param {{ fine?: boolean }} [options]
 */
export function duration(ms, { fine = false } = {}) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (seconds < 60) return `${seconds} s`;
  if (minutes < 60) return fine ? `${minutes} min ${twoDigits(seconds % 60)} s` : `${minutes} min`;
  return hours < 48 ? `${hours} h ${twoDigits(minutes % 60)} min` : `${Math.floor(hours / 24)} d`;
}

/**
 * Return the number and the unit of a picture's age.
 * @param {number} ms
 * @returns {[string, string]}
 */
export function age(ms) {
  if (ms < 1000) return [fixed(ms, 0), "ms"];
  if (ms < 60_000) return [(ms / 1000).toFixed(ms < 10_000 ? 2 : 1), "s"];
  return [duration(ms, { fine: true }), ""];
}

/**
 * Return the age of a picture in a few characters, for a line that should stand still: tenths of a second are enough.
 * @param {number} ms
 */
export function shortAge(ms) {
  return ms < 9950 ? `${(Math.max(0, ms) / 1000).toFixed(1)} s` : duration(ms);
}

/** @param {number} probability 0 to 1 */
export function percent(probability) {
  return `${Math.round(probability * 100)} %`;
}

/**
 * Return the state of a camera as shown. A camera is `down` only if its producer
 * reports so; otherwise the page says `no picture`.
 * @param {{ state: string, notice: string | null } | null | undefined} status
 */
export function cameraState(status) {
  if (!status) return "waiting";
  return status.state === "down" && status.notice !== "CAMERA DOWN" ? "no picture" : words(status.state);
}

/**
 * Return whether a state is good, bad, or neither.
 * @param {string} state
 * @returns {Tone}
 */
export function tone(state) {
  if (OK.has(state)) return "ok";
  return IDLE.has(state) ? "idle" : "bad";
}

/** @param {number} value */
function twoDigits(value) {
  return String(value).padStart(2, "0");
}
