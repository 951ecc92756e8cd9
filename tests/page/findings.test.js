import assert from "node:assert/strict";
import { test } from "node:test";

import { findingRows } from "../../video/page/findings.js";
import { NONE } from "./prediction.js";

/** @param {import("../../video/page/frame.js").Finding[]} boxes */
const boxRows = (boxes, leftOut = 0) => findingRows({ ...NONE, boxes, leftOut });

test("boxes are counted by label, the most frequent first, each with its best probability", () => {
  const boxes = [
    { label: "dog", probability: 0.99 },
    { label: "car", probability: 0.4 },
    { label: "car", probability: 0.87 },
    { label: "cup", probability: null },
    { label: "bus", probability: 0.5 },
  ];

  const { rows, further } = boxRows(boxes);

  assert.deepEqual(
    rows.map(({ label, count, share, value }) => [label, count, share, value]),
    [
      ["car", "×2", "87 %", 0.87],
      ["dog", "×1", "99 %", 0.99],
      ["bus", "×1", "50 %", 0.5],
      ["cup", "×1", "", 0],
    ],
  );
  assert.equal(further, "");
});

test("what there is no room for is counted in words", () => {
  const boxes = ["a", "b", "c", "d", "e", "f"].map((label) => ({ label, probability: 0.5 }));

  assert.equal(boxRows(boxes).rows.length, 5);
  assert.equal(boxRows(boxes).further, "1 more label");
  assert.equal(
    boxRows([...boxes, { label: "g", probability: 0.1 }], 1).further,
    "2 more labels, 1 more box without a label here",
  );
  assert.deepEqual(boxRows([], 12), { rows: [], further: "12 more boxes without a label here" });
});

test("the best labels of a picture are rows, if there are several", () => {
  const findings = [0.8, 0.1, 0.05, 0.03, 0.01, 0.005].map((probability, at) => ({ label: `l${at}`, probability }));

  const { rows } = findingRows({ ...NONE, findings });

  assert.deepEqual(
    rows.map(({ label, count, share }) => [label, count, share]),
    [
      ["l0", "", "80 %"],
      ["l1", "", "10 %"],
      ["l2", "", "5 %"],
      ["l3", "", "3 %"],
      ["l4", "", "1 %"],
    ],
  );
  assert.deepEqual(findingRows({ ...NONE, findings: findings.slice(0, 1) }).rows, []);
});

test("each row has a key of its own, also if labels repeat or are long", () => {
  const long = "x".repeat(500);
  const findings = [long, `${long}y`, long].map((label) => ({ label, probability: 0.3 }));

  const { rows } = findingRows({ ...NONE, findings });

  assert.deepEqual(new Set(rows.map(({ key }) => key)).size, rows.length);
  assert.ok(rows.every(({ label }) => label.length === 200));
});

test("a model that gives no answer has found nothing", () => {
  const old = { ...NONE, boxes: [{ label: "car", probability: 1 }] };

  for (const state of ["down", "waiting"]) assert.deepEqual(findingRows({ ...old, state }), { rows: [], further: "" });
  assert.equal(findingRows({ ...old, state: "stale" }).rows.length, 1);
});
