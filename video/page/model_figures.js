// How the models work, in words: kind, time, batch, rate, and how often a shadow agrees. Pure functions.

/** @import { Prediction } from "./frame.js" */
/** @import { ModelStatus } from "./status.js" */
import { fixed, percent, sentence, short } from "./words.js";

/** @typedef {{ key: string, name: string, value: string }} Figure */
/** @typedef {{ prediction: Prediction, status: ModelStatus | null, shadows: ModelStatus[] }} ModelView */

/** @type {Prediction} */
const NO_ANSWER = {
  model: "",
  state: "waiting",
  label: null,
  probability: null,
  findings: [],
  boxes: [],
  leftOut: 0,
  since: null,
  age_ms: null,
  version: null,
  seq: null,
};

/**
 * Return the models to show: those that are asked about the camera, and beside each the shadows that are compared with
 * it. A shadow that is compared with none stands by itself.
 * @param {Prediction[] | null} predictions on the picture; null: there is none yet, and any model may be asked about it
 * @param {ModelStatus[]} models
 * @returns {ModelView[]}
 */
export function modelViews(predictions, models) {
  const seen = predictions ?? [];
  const drawn = new Set(seen.map(({ model }) => model));
  const others = new Set(notAsked(predictions, models).map(({ name }) => name));
  const reported = models.filter(({ name, compareWith }) => !others.has(name) && !others.has(compareWith ?? ""));
  const shown = new Set([...drawn, ...reported.filter(({ shadow }) => !shadow).map(({ name }) => name)]);
  /** @param {ModelStatus} model */
  const stands = (model) => shown.has(model.name) || !shown.has(model.compareWith ?? "");
  const byName = new Map(reported.map((model) => [model.name, model]));
  const waiting = reported.filter((model) => !drawn.has(model.name) && stands(model)).map(unanswered);
  return [...seen, ...waiting].map((prediction) => ({
    prediction,
    status: byName.get(prediction.model) ?? null,
    shadows: reported.filter((model) => !stands(model) && model.compareWith === prediction.model),
  }));
}

/**
 * Return the models that are not asked about the camera, as the document says: all others are on each of its pictures,
 * even without an answer. Of a shadow that is not known.
 * @param {Prediction[] | null} predictions on the picture; null: there is none yet
 * @param {ModelStatus[]} models
 */
export function notAsked(predictions, models) {
  if (!predictions) return [];
  const drawn = new Set(predictions.map(({ model }) => model));
  return models.filter(({ name, shadow }) => !shadow && !drawn.has(name));
}

/**
 * Return the figures of a model; those that it does not report are left out.
 * @param {ModelStatus | null} model
 * @returns {Figure[]}
 */
export function figures(model) {
  if (!model) return [];
  const { ms, batch, rate } = model;
  const known = [
    { key: "ms", name: "Time per frame", value: ms === null ? "" : `${amount(ms)} ms` },
    { key: "batch", name: "Frames per request", value: batch === null ? "" : amount(batch) },
    { key: "rate", name: "Frames per second", value: rate === null ? "" : amount(rate) },
  ];
  return known.filter(({ value }) => value);
}

/**
 * Return how often a shadow agrees with the model that it is compared with, or why that is not known.
 * @param {ModelStatus} shadow
 */
export function agreement({ state, reason, agreement: share, compared }) {
  if (state === "down") return `Down. ${sentence(short(reason ?? ""))}`.trim();
  if (share === null || !compared) return state === "up" ? "Nothing to compare yet" : "Waiting for an answer";
  return `Agrees in ${percent(share)} of ${compared} ${compared === 1 ? "answer" : "answers"}`;
}

/**
 * Return what a model is: its name, its version and its kind.
 * @param {ModelView} view
 */
export function title({ prediction, status }) {
  const version = prediction.version ?? status?.version ?? null;
  const parts = [
    short(prediction.model),
    version === null ? "" : `version ${short(version)}`,
    short(status?.kind ?? ""),
  ];
  if (status?.shadow) parts.push("shadow, not drawn");
  return parts.filter(Boolean).join(" · ");
}

/**
 * Return why a model gives no answer; empty if it does.
 * @param {ModelView} view
 */
export function why({ prediction, status }) {
  return prediction.state === "down" || prediction.state === "waiting" ? sentence(short(status?.reason ?? "")) : "";
}

/**
 * @param {ModelStatus} model
 * @returns {Prediction}
 */
function unanswered(model) {
  const state = model.state === "down" ? "down" : "waiting";
  return { ...NO_ANSWER, model: model.name, state, since: model.since, version: model.version };
}

/** @param {number} value three digits are enough to read */
function amount(value) {
  return value < 9.95 ? fixed(value, 1) : fixed(value, 0);
}
