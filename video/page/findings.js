// What a model found, as rows: the best labels of a picture, or how many boxes have each label. Pure functions.

/** @import { Prediction } from "./frame.js" */
import { percent, short } from "./words.js";

const MOST_ROWS = 5;

/**
 * @typedef {object} Row
 * @property {string} key the whole label
 * @property {string} label
 * @property {string} count such as `×3`; empty without boxes
 * @property {string} share the probability, that of the best box; empty if the model does not tell
 * @property {number} value 0 to 1, the length of the bar
 */

/**
 * Return the rows of a prediction, and the words for what they leave out.
 * @param {Prediction} prediction
 * @returns {{ rows: Row[], further: string }}
 */
export function findingRows({ state, findings, boxes, leftOut }) {
  if (state === "down" || state === "waiting") return { rows: [], further: "" };
  if (boxes.length || leftOut) return boxRows(boxes, leftOut);
  const named = new Map(findings.map((finding) => [finding.label, finding.probability]));
  // One row says no more than the large line above it.
  return {
    rows: named.size > 1 ? [...named].slice(0, MOST_ROWS).map(([label, best]) => row(label, best)) : [],
    further: "",
  };
}

/**
 * @param {Prediction["boxes"]} boxes
 * @param {number} leftOut boxes for which the header of the frame had no room
 */
function boxRows(boxes, leftOut) {
  /** @type {Map<string, { count: number, best: number | null }>} */
  const labels = new Map();
  for (const { label, probability } of boxes) {
    const { count, best } = labels.get(label) ?? { count: 0, best: null };
    labels.set(label, { count: count + 1, best: probability === null ? best : Math.max(best ?? 0, probability) });
  }
  const sorted = [...labels].sort(
    ([, one], [, other]) => other.count - one.count || (other.best ?? 0) - (one.best ?? 0),
  );
  const rows = sorted.slice(0, MOST_ROWS).map(([label, { count, best }]) => row(label, best, `×${count}`));
  const further = [];
  const unnamed = labels.size - rows.length;
  if (unnamed) further.push(`${unnamed} more ${unnamed === 1 ? "label" : "labels"}`);
  if (leftOut) further.push(`${leftOut} more ${leftOut === 1 ? "box" : "boxes"} without a label here`);
  return { rows, further: further.join(", ") };
}

/**
 * @param {string} label
 * @param {number | null} best
 * @param {string} [count]
 * @returns {Row}
 */
function row(label, best, count = "") {
  return { key: label, label: short(label), count, share: best === null ? "" : percent(best), value: best ?? 0 };
}
