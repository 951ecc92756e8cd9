// Measurements of one camera: the age of its pictures, their rate, and the growth of its counters. Pure functions.

/** @import { Camera } from "./cameras.js" */
/** @import { ServerClock } from "./clock.js" */
/** @import { Ledger } from "./status.js" */
/** @typedef {{ ms: number, p95Ms: number | null } | "unknown" | null} MeasuredAge */

export const HISTORY = 120; // points of a sparkline
const AGE_WINDOW_MS = 1000;
const RATE_WINDOW_MS = 3000;
const SLOW_RATE_WINDOW_MS = 10_000; // for cameras that send less than a picture a second
const COUNTER_WINDOW_MS = 10_000;
const FEWEST_FOR_P95 = 5;
const MOST_TIMES = 600;
const MOST_AGES = 240;

/**
 * Return the q-quantile of some values, interpolated linearly.
 * @param {number[]} values at least one
 * @param {number} q 0 to 1
 */
export function quantile(values, q) {
  const sorted = Float64Array.from(values).sort();
  const at = (sorted.length - 1) * q;
  const low = Math.floor(at);
  return sorted[low] + (sorted[Math.ceil(at)] - sorted[low]) * (at - low);
}

/**
 * Return the age of a camera's picture: the median of the last second, or the age of the last picture if none is new.
 * `unknown` if the clocks of camera and server disagree; null if nothing is known.
 * @param {Camera | undefined} camera
 * @param {ServerClock} clock
 * @param {number} nowMs local time
 * @returns {MeasuredAge}
 */
export function measuredAge(camera, clock, nowMs) {
  if (!camera?.head) return null;
  if (camera.head.clock !== "ok") return "unknown";
  if (clock.offsetMs === null) return null;
  const recent = camera.ages.filter(([atMs]) => nowMs - atMs < AGE_WINDOW_MS).map(([, ageMs]) => ageMs);
  const ms = recent.length ? quantile(recent, 0.5) : clock.serverMs(nowMs) - camera.head.captured_at / 1000;
  return { ms, p95Ms: recent.length >= FEWEST_FOR_P95 ? quantile(recent, 0.95) : null };
}

/**
 * Return the rate of a camera's pictures per second; 0 if they have stopped, null if there was none.
 * @param {Camera | undefined} camera
 * @param {number} nowMs local time
 * @returns {number | null}
 */
export function measuredRate(camera, nowMs) {
  if (!camera?.head) return null;
  let times = camera.times.filter((atMs) => nowMs - atMs < RATE_WINDOW_MS);
  if (times.length < 2) times = camera.times.filter((atMs) => nowMs - atMs < SLOW_RATE_WINDOW_MS).slice(-2);
  if (times.length < 2) return 0;
  const last = times[times.length - 1];
  const gapMs = (last - times[0]) / (times.length - 1);
  return nowMs - last > Math.max(1000, 3 * gapMs) ? 0 : 1000 / gapMs;
}

/**
 * Record that a picture was shown.
 * @param {Camera} camera
 * @param {ServerClock} clock
 * @param {number} shownMs local time
 * @param {{ capturedAt: number, known: boolean, repeated: boolean }} picture capturedAt: µs since the epoch by the
 *   server's clock; known: the clocks of camera and server agree; repeated: it was shown before
 */
export function rememberShown(camera, clock, shownMs, { capturedAt, known, repeated }) {
  camera.shownMs = shownMs;
  if (!repeated) remember(camera.times, shownMs, MOST_TIMES);
  if (!known || clock.offsetMs === null) return;
  remember(camera.ages, [shownMs, clock.serverMs(shownMs) - capturedAt / 1000], MOST_AGES);
}

/**
 * Add a point to a camera's sparklines.
 * @param {Camera} camera
 * @param {ServerClock} clock
 * @param {number} nowMs local time
 */
export function sample(camera, clock, nowMs) {
  const age = measuredAge(camera, clock, nowMs);
  camera.ageLine.push(age === null || age === "unknown" ? null : age.ms);
  camera.fpsLine.push(measuredRate(camera, nowMs));
  if (camera.ageLine.length > HISTORY) camera.ageLine.shift();
  if (camera.fpsLine.length > HISTORY) camera.fpsLine.shift();
}

/**
 * Record a camera's counters.
 * @param {Camera} camera
 * @param {Ledger | undefined} ledger
 * @param {number} nowMs local time
 */
export function rememberLedger(camera, ledger, nowMs) {
  if (ledger) camera.ledgers.push({ atMs: nowMs, ledger });
  while (camera.ledgers.length > 2 && nowMs - camera.ledgers[1].atMs >= COUNTER_WINDOW_MS) camera.ledgers.shift();
}

/**
 * Return the growth of a counter per second over the last ten seconds, as text.
 * @param {Camera | undefined} camera
 * @param {(ledger: Ledger) => number} count
 */
export function perSecond(camera, count) {
  const first = camera?.ledgers[0];
  const last = camera?.ledgers[camera.ledgers.length - 1];
  if (!first || !last || last.atMs - first.atMs < 900) return "";
  const grown = count(last.ledger) - count(first.ledger);
  if (grown < 0) return ""; // the service has restarted
  return grown === 0 ? "–" : ((grown * 1000) / (last.atMs - first.atMs)).toFixed(1);
}

/**
 * Return whether the producer has dropped pictures of a camera in the last ten seconds because they were too large.
 * @param {Camera | undefined} camera
 */
export function isTooLarge(camera) {
  /** @param {Ledger} ledger */
  const dropped = (ledger) => ledger.producer?.dropped.too_large ?? 0;
  const first = camera?.ledgers[0];
  const last = camera?.ledgers[camera.ledgers.length - 1];
  return first !== undefined && last !== undefined && dropped(last.ledger) > dropped(first.ledger);
}

/**
 * Append to a list; when the list is full, drop its older half.
 * @template T
 * @param {T[]} values
 * @param {T} value
 * @param {number} most
 */
function remember(values, value, most) {
  values.push(value);
  if (values.length > most) values.splice(0, most / 2);
}
