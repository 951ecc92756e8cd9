import assert from "node:assert/strict";
import { test } from "node:test";

import { caption, headline } from "../../video/page/labels.js";
import { NONE } from "./prediction.js";

test("a label of several names is written on two lines", () => {
  const shown = caption({ ...NONE, label: "tabby, tabby cat", probability: 0.8 });

  assert.deepEqual(shown, { first: "tabby", rest: "tabby cat", whole: "tabby, tabby cat", value: 0.8 });
});

test("the most probable box is the label", () => {
  const boxes = [
    { label: "cat", probability: 0.5 },
    { label: "cup", probability: null },
    { label: "dog", probability: 0.9 },
  ];

  assert.deepEqual(caption({ ...NONE, boxes }), { first: "dog", rest: "", whole: "dog", value: 0.9 });
});

test("a model that is down, waits or sees nothing says so", () => {
  assert.equal(caption({ ...NONE, state: "down", label: "old" }).first, "MODEL DOWN");
  assert.equal(caption({ ...NONE, state: "waiting" }).first, "Waiting for an answer");
  assert.equal(caption(NONE).first, "Nothing detected");
});

test("a label of any length is cut, and whole in the title", () => {
  const shown = caption({ ...NONE, label: "x".repeat(60_000), probability: 1 });

  assert.equal(shown.first.length, 200);
  assert.equal(shown.whole.length, 60_000);
});

test("the headline has every label and every model that is down", () => {
  const predictions = [{ ...NONE, label: "tabby, cat", probability: 0.8 }, NONE, { ...NONE, state: "down" }];

  assert.equal(headline(predictions), "tabby 80 %   ·   MODEL DOWN");
});
