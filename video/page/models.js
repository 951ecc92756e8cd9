// The panel of the models: what each sees in the picture, how it works, and whether its shadows agree.

/** @import { Figure, ModelView } from "./model_figures.js" */
/** @import { Row } from "./findings.js" */
/** @import { ModelStatus } from "./status.js" */
/** @import { View } from "./view.js" */
import { localMs } from "./clock.js";
import { byId, KeyedList, make, mark, text } from "./document.js";
import { findingRows } from "./findings.js";
import { caption } from "./labels.js";
import { agreement, figures, modelViews, notAsked, title, why } from "./model_figures.js";
import { since } from "./view.js";
import { age, short } from "./words.js";

/** @typedef {ModelView & { key: string, view: View }} Item */

const models = new KeyedList(byId("models"), create, update);

/**
 * @param {View} view
 * @param {boolean} live the picture and its labels are live
 */
export function renderModels(view, live) {
  const predictions = view.cameras.selected?.head?.predictions ?? null;
  const reported = view.status?.models ?? [];
  const shown = modelViews(predictions, reported);
  const others = notAsked(predictions, reported).map(({ name }) => short(name));
  const subject = shown.length > 1 ? "the models" : "the model";
  const verb = live || !shown.length ? (shown.length > 1 ? "see now" : "sees now") : "saw last";
  byId("sees").classList.toggle("past", !live);
  text(byId("h-sees"), `What ${subject} ${verb}`);
  byId("models-hint").hidden = shown.length + others.length > 0;
  byId("models-others").hidden = !others.length;
  text(byId("models-others"), `Not asked about this camera: ${others.join(", ")}.`);
  models.show(shown.map((model) => ({ ...model, key: model.prediction.model, view })));
}

/** @param {Item} item */
function create({ key }) {
  const [name, note, reason, further] = [
    make("h3", { class: "who" }),
    make("span", { class: "note" }),
    make("p", { class: "why", "data-testid": "model-reason", "data-model": key }),
    make("p", { class: "further" }),
  ];
  const headline = createHeadline(key);
  headline.label.append(reason); // it belongs to the label: MODEL DOWN, and why
  const findings = make("ul", { class: "findings", "data-testid": "findings", "data-model": key });
  const numbers = make("dl", { class: "model-figures", "data-testid": "model-figures", "data-model": key });
  const shadows = make("ul", { class: "shadows", "data-testid": "shadows", "data-model": key });
  mark(findings, "aria-label", `What ${short(key)} found`);
  mark(shadows, "aria-label", `Models compared with ${short(key)}`);
  return {
    root: make(
      "div",
      { class: "model", "data-model": key },
      make("div", { class: "top" }, name, note),
      headline.root,
      findings,
      further,
      numbers,
      shadows,
    ),
    name,
    note,
    reason,
    further,
    headline,
    findings: new KeyedList(findings, createFinding, updateFinding),
    numbers: new KeyedList(numbers, createFigure, updateFigure),
    shadows: new KeyedList(shadows, createShadow, updateShadow),
  };
}

/**
 * @param {ReturnType<typeof create>} parts
 * @param {Item} item
 */
function update(parts, item) {
  const { prediction, status, shadows, view } = item;
  const { rows, further } = findingRows(prediction);
  mark(parts.root, "data-state", prediction.state);
  text(parts.name, title(item));
  mark(parts.name, "title", prediction.model);
  text(parts.note, note(item, view));
  updateHeadline(parts.headline, item);
  text(parts.reason, why(item));
  parts.findings.show(rows);
  text(parts.further, further);
  parts.numbers.show(figures(status));
  parts.shadows.show(shadows.map((shadow) => ({ ...shadow, key: shadow.name })));
}

/** @param {string} key */
function createHeadline(key) {
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
  const root = make(
    "div",
    { class: "say" },
    label,
    probability,
    make("div", { class: "bar", "aria-hidden": "true" }, bar),
  );
  return { root, label, first, comma, rest, probability, number, unit, bar };
}

/**
 * @param {ReturnType<typeof createHeadline>} parts
 * @param {Item} item
 */
function updateHeadline(parts, { prediction }) {
  const { first, rest, whole, value } = caption(prediction);
  text(parts.first, first);
  text(parts.comma, rest ? ", " : "");
  text(parts.rest, rest);
  mark(parts.label, "title", whole);
  mark(parts.label, "data-state", prediction.state);
  mark(parts.label, "data-seq", prediction.seq);
  text(parts.number, value === null ? "–" : String(Math.round(value * 100)));
  text(parts.unit, value === null ? "" : "\u202f%");
  mark(parts.probability, "data-value", value);
  fill(parts.bar, value ?? 0);
}

/** @param {Row} row */
function createFinding(row) {
  const [label, count, share] = [
    make("span", { class: "who", title: row.key }, row.label),
    make("span", { class: "count" }),
    make("span", { class: "share" }),
  ];
  const bar = make("div");
  return {
    root: make("li", {}, label, count, share, make("div", { class: "bar", "aria-hidden": "true" }, bar)),
    count,
    share,
    bar,
  };
}

/**
 * @param {ReturnType<typeof createFinding>} parts
 * @param {Row} row
 */
function updateFinding(parts, row) {
  text(parts.count, row.count);
  text(parts.share, row.share);
  fill(parts.bar, row.value);
}

/** @param {Figure} figure */
function createFigure(figure) {
  const value = make("dd", { "data-figure": figure.key });
  return { root: make("div", {}, make("dt", {}, figure.name), value), value };
}

/**
 * @param {ReturnType<typeof createFigure>} parts
 * @param {Figure} figure
 */
function updateFigure(parts, figure) {
  text(parts.value, figure.value);
}

/** @param {ModelStatus & { key: string }} shadow */
function createShadow(shadow) {
  const [said, numbers] = [make("span", { class: "agrees" }), make("span", { class: "note" })];
  const bar = make("div");
  const name = make("span", { class: "who", title: shadow.name }, `Shadow ${short(shadow.name)}`);
  const root = make(
    "li",
    { "data-model": shadow.name },
    name,
    numbers,
    said,
    make("div", { class: "bar", "aria-hidden": "true" }, bar),
  );
  return { root, said, numbers, bar };
}

/**
 * @param {ReturnType<typeof createShadow>} parts
 * @param {ModelStatus} shadow
 */
function updateShadow(parts, shadow) {
  mark(parts.root, "data-state", shadow.state);
  text(parts.said, agreement(shadow));
  mark(parts.said, "data-agreement", shadow.agreement);
  text(parts.numbers, figures(shadow).find(({ key }) => key === "ms")?.value ?? "");
  fill(parts.bar, shadow.state === "down" ? 0 : (shadow.agreement ?? 0));
}

/**
 * Return how long a model has been down, or how old its answer is.
 * @param {ModelView} model
 * @param {View} view
 */
function note({ prediction: { state, since: sinceUs, age_ms: ageMs } }, view) {
  if (state === "down" && sinceUs) return `for ${since(view.clock, localMs(), sinceUs, { fine: true })}`;
  return state === "stale" && ageMs !== null ? `${age(ageMs).join(" ")} old` : "";
}

/**
 * @param {HTMLElement} bar
 * @param {number} value 0 to 1
 */
function fill(bar, value) {
  const scale = `scaleX(${value.toFixed(3)})`;
  if (bar.style.transform !== scale) bar.style.transform = scale;
}
