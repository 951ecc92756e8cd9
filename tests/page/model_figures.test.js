import assert from "node:assert/strict";
import { test } from "node:test";

import { agreement, figures, modelViews, notAsked, title, why } from "../../video/page/model_figures.js";

const MODEL = {
  name: "things",
  state: "up",
  since: 5,
  version: "3",
  reason: null,
  kind: "detection",
  shadow: false,
  compareWith: null,
  rate: null,
  batch: null,
  ms: null,
  compared: 0,
  agreement: null,
};
const SHADOW = { ...MODEL, name: "lite", shadow: true, compareWith: "things" };
const SEEN = {
  model: "things",
  state: "ok",
  label: "car",
  probability: 0.9,
  findings: [],
  boxes: [],
  leftOut: 0,
  since: null,
  age_ms: 5,
  version: "3",
  seq: "7",
};

test("a shadow stands beside the model that it is compared with", () => {
  const [only, ...rest] = modelViews([SEEN], [SHADOW, MODEL]);

  assert.deepEqual(rest, []);
  assert.equal(only.status, MODEL);
  assert.deepEqual(only.shadows, [SHADOW]);
});

test("a shadow stands by itself if the model is unknown, if there is none, or if it names itself", () => {
  for (const compareWith of [null, "gone", "lite"]) {
    const views = modelViews([SEEN], [MODEL, { ...SHADOW, compareWith }]);

    assert.deepEqual(
      views.map(({ prediction, shadows }) => [prediction.model, prediction.state, shadows.length]),
      [
        ["things", "ok", 0],
        ["lite", "waiting", 0],
      ],
    );
    assert.equal(title(views[1]), "lite · version 3 · detection · shadow, not drawn");
  }
});

test("a model that is not on the camera's pictures is not asked about it", () => {
  const faces = { ...MODEL, name: "faces", state: "down", reason: "no answer in 5 s" };
  const shadow = { ...SHADOW, name: "small", compareWith: "faces" };
  const reported = [MODEL, SHADOW, faces, shadow];

  assert.deepEqual(
    modelViews([SEEN], reported).map(({ prediction, shadows }) => [prediction.model, shadows.length]),
    [["things", 1]],
  );
  assert.deepEqual(notAsked([SEEN], reported), [faces]);
  assert.deepEqual(notAsked([], reported), [MODEL, faces]);
  assert.deepEqual(modelViews([], reported), []);
});

test("before the first picture, any model may be asked about the camera", () => {
  const views = modelViews(null, [MODEL, { ...MODEL, name: "faces", state: "down" }]);

  assert.deepEqual(
    views.map(({ prediction }) => [prediction.model, prediction.state]),
    [
      ["things", "waiting"],
      ["faces", "down"],
    ],
  );
  assert.deepEqual(notAsked(null, [MODEL]), []);
});

test("no model is lost, however shadows name each other", () => {
  const one = { ...SHADOW, name: "one", compareWith: "two" };
  const two = { ...SHADOW, name: "two", compareWith: "one" };
  const views = modelViews([SEEN], [one, two, { ...SHADOW, name: "chain", compareWith: "lite" }, SHADOW]);
  const shown = views.flatMap(({ prediction, shadows }) => [prediction.model, ...shadows.map(({ name }) => name)]);

  assert.deepEqual(new Set(shown), new Set(["things", "lite", "one", "two", "chain"]));
});

test("a model that has not answered says why", () => {
  const reason = "the model has shape (1, 640), the document 320";
  const [down] = modelViews(null, [{ ...MODEL, state: "down", reason }]);
  const [silent] = modelViews(null, [{ ...MODEL, state: "waiting", reason: "the consumer is silent" }]);
  const [up] = modelViews([SEEN], [{ ...MODEL, reason: "not of interest" }]);

  assert.deepEqual([down.prediction.state, down.prediction.since], ["down", 5]);
  assert.equal(why(down), "The model has shape (1, 640), the document 320.");
  assert.equal(why(silent), "The consumer is silent.");
  assert.equal(why(up), "");
  assert.equal(why({ prediction: { ...SEEN, state: "down" }, status: null, shadows: [] }), "");
});

test("figures that are reported are shown with as many digits as can be read", () => {
  const shown = figures({ ...MODEL, ms: 38.4, batch: 2.5, rate: 9.96 });

  assert.deepEqual(
    shown.map(({ key, value }) => [key, value]),
    [
      ["ms", "38 ms"],
      ["batch", "2.5"],
      ["rate", "10"],
    ],
  );
  assert.deepEqual(
    figures({ ...MODEL, rate: 0 }).map(({ value }) => value),
    ["0.0"],
  );
  assert.deepEqual(figures(MODEL), []);
  assert.deepEqual(figures(null), []);
});

test("agreement is a share of answers, or why there is none", () => {
  assert.equal(agreement({ ...SHADOW, compared: 8, agreement: 0.75 }), "Agrees in 75 % of 8 answers");
  assert.equal(agreement({ ...SHADOW, compared: 1, agreement: 1 }), "Agrees in 100 % of 1 answer");
  assert.equal(agreement(SHADOW), "Nothing to compare yet");
  assert.equal(agreement({ ...SHADOW, state: "waiting" }), "Waiting for an answer");
  assert.equal(agreement({ ...SHADOW, state: "down", reason: "no answer in 5 s" }), "Down. No answer in 5 s.");
  assert.equal(agreement({ ...SHADOW, state: "down" }), "Down.");
});
