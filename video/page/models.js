// The panel of the models' answers for the picture.

/** @import { Prediction } from "./frame.js" */
/** @import { View } from "./view.js" */
import { localMs } from "./clock.js";
import { byId, KeyedList, make, mark, text } from "./document.js";
import { caption } from "./labels.js";
import { since } from "./view.js";
import { age, capital, short } from "./words.js";

/** @typedef {{ key: string, prediction: Prediction, reason: string, view: View }} Item */

const models = new KeyedList(byId("models"), create, update);

/**
 * @param {View} view
 * @param {boolean} live the picture and its labels are live
 */
export function renderModels(view, live) {
  const seen = view.cameras.selected?.head?.predictions ?? [];
  const reported = view.status?.models ?? [];
  const reasons = new Map(reported.map((model) => [model.name, model.reason ?? ""]));
  const items = new Map(seen.map((prediction) => [prediction.model, prediction]));
  for (const model of reported) {
    if (items.has(model.name)) continue;
    const state = model.state === "down" ? "down" : "waiting";
    items.set(model.name, { ...NO_ANSWER, model: model.name, state, since: model.since, version: model.version });
  }
  byId("sees").classList.toggle("past", !live);
  text(byId("h-sees"), live || !items.size ? "What the model sees now" : "What the model saw last");
  byId("models-hint").hidden = items.size > 0;
  models.show(
    [...items.values()].map((prediction) => {
      return { key: prediction.model, prediction, reason: reasons.get(prediction.model) ?? "", view };
    }),
  );
}

/** @type {Prediction} */
const NO_ANSWER = {
  model: "",
  state: "waiting",
  label: null,
  probability: null,
  boxes: [],
  since: null,
  age_ms: null,
  version: null,
  seq: null,
};

/** @param {Item} item */
function create({ key }) {
  const [name, note] = [make("span", { class: "who" }), make("span", { class: "note" })];
  const [first, comma, rest] = [
    make("span", { class: "first" }),
    make("span", { class: "said" }),
    make("span", { class: "rest" }),
  ];
  const [number, unit, bar] = [make("span"), make("small"), make("div")];
  const label = make("div", { class: "label", "data-testid": "label", "data-model": key }, first, comma, rest);
  const probability = make(
    "div",
    { class: "probability", "data-testid": "probability", "data-model": key },
    number,
    unit,
  );
  const say = make(
    "div",
    { class: "say" },
    label,
    probability,
    make("div", { class: "bar", "aria-hidden": "true" }, bar),
  );
  const root = make("div", { class: "model" }, make("div", { class: "top" }, name, note), say);
  return { root, name, note, label, first, comma, rest, probability, number, unit, bar };
}

/**
 * @param {ReturnType<typeof create>} parts
 * @param {Item} item
 */
function update(parts, { prediction, reason, view }) {
  const { model, version, state } = prediction;
  const { first, rest, whole, value } = caption(prediction);
  mark(parts.root, "data-state", state);
  text(parts.name, short(model) + (version ? ` · version ${short(version)}` : ""));
  mark(parts.name, "title", model);
  text(parts.note, note(prediction, view));
  text(parts.first, first);
  const below = state === "down" ? capital(short(reason)) : rest;
  text(parts.comma, below && !prediction.boxes.length ? ", " : "");
  text(parts.rest, below);
  mark(parts.label, "title", state === "down" && reason ? `${whole}: ${reason}` : whole);
  mark(parts.label, "data-state", state);
  mark(parts.label, "data-seq", prediction.seq);
  text(parts.number, value === null ? "–" : String(Math.round(value * 100)));
  text(parts.unit, value === null ? "" : "\u202f%");
  mark(parts.probability, "data-value", value);
  const scale = `scaleX(${(value ?? 0).toFixed(3)})`;
  if (parts.bar.style.transform !== scale) parts.bar.style.transform = scale;
}

/**
 * Return how long a model has been down, or how old its answer is.
 * @param {Prediction} prediction
 * @param {View} view
 */
function note({ state, since: sinceUs, age_ms: ageMs }, view) {
  if (state === "down" && sinceUs) return `for ${since(view.clock, localMs(), sinceUs, { fine: true })}`;
  return state === "stale" && ageMs !== null ? `${age(ageMs).join(" ")} old` : "";
}
