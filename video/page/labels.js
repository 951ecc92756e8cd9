// The text for a model's answer. Pure functions.

/** @import { Prediction } from "./frame.js" */
import { percent, short } from "./words.js";

const MOST_NAMES = 3; // on a tile

/**
 * @typedef {object} Caption
 * @property {string} first the large line
 * @property {string} rest the small line below: further names of the label
 * @property {string} whole the whole label, for the tooltip
 * @property {number | null} value probability, 0 to 1
 */

/**
 * Return the text for a prediction. ImageNet labels are lists of names: "tabby, tabby cat".
 * @param {Prediction} prediction
 * @returns {Caption}
 */
export function caption({ state, label, probability, boxes }) {
  if (state === "down") return { first: "MODEL DOWN", rest: "", whole: "MODEL DOWN", value: null };
  const best = boxes.length ? boxes.reduce((one, other) => (likelier(other, one) ? other : one)) : null;
  const whole = label ?? best?.label ?? (state === "waiting" ? "Waiting for an answer" : "Nothing detected");
  const value = probability ?? best?.probability ?? null;
  const comma = whole.indexOf(", ");
  const names = comma < 0 ? [whole, ""] : [whole.slice(0, comma), whole.slice(comma + 2)];
  return { first: short(names[0]), rest: short(names[1]), whole, value };
}

/**
 * @param {Prediction["boxes"][number]} one
 * @param {Prediction["boxes"][number]} other
 */
function likelier(one, other) {
  return (one.probability ?? 0) > (other.probability ?? 0);
}

/**
 * Return the predictions of a picture in one line, for the full screen.
 * @param {Prediction[]} predictions
 */
export function headline(predictions) {
  const captions = predictions.filter((one) => one.state === "down" || one.label !== null).map(caption);
  return captions.map(({ first, value }) => (value === null ? first : `${first} ${percent(value)}`)).join("   ·   ");
}

/**
 * Return what the models see in a few words, without numbers, for a tile: the best label of each, or what it found.
 * @param {Prediction[]} predictions
 */
export function summary(predictions) {
  const found = predictions.map((prediction) => {
    if (prediction.state === "down") return "model down";
    if (prediction.label !== null) return caption(prediction).first;
    return [...new Set(prediction.boxes.map((box) => box.label))].slice(0, MOST_NAMES).join(", ");
  });
  return found.filter(Boolean).slice(0, MOST_NAMES).join(" · ");
}
