import assert from "node:assert/strict";
import { test } from "node:test";

import { readPast, summarise } from "../../video/page/past.js";

/** @param {Record<string, unknown>} [rest] */
function point(rest = {}) {
  const findings = [{ model: "m", label: "cat", probability: 0.5, share: 1 }];
  return { at: 1, fps: 10, age_ms: 40, age_max_ms: 90, dropped: { consumer: { model_busy: 3 } }, findings, ...rest };
}

test("the minutes are summarised: means, the highest age, and what was seen and dropped", () => {
  const dog = { model: "m", label: "dog", probability: 0.9, share: 0.5 };
  const points = readPast({
    points: [
      point(),
      point({ age_ms: 60, age_max_ms: 400, fps: 20, findings: [dog], dropped: { consumer: { model_busy: 1 } } }),
      point({ age_ms: null, age_max_ms: null, dropped: { video: { superseded: 9 } }, findings: [dog] }),
    ],
  });

  const past = summarise(points, 10);

  assert.deepEqual([past.ageMs, past.ageMaxMs, Math.round(past.fps), past.minutes], [50, 400, 13, 1]);
  assert.deepEqual(
    past.findings.map(({ label, share, probability }) => [label, share.toFixed(2), probability]),
    [
      ["cat", "0.33", 0.5],
      ["dog", "0.33", 0.9],
    ],
  );
  assert.deepEqual(
    past.dropped.map(({ key, frames }) => [key, frames]),
    [
      ["video/superseded", 9],
      ["consumer/model_busy", 4],
    ],
  );
});

test("an answer that makes no sense is read as far as it does", () => {
  for (const answer of [null, [], { points: 5 }, { points: [null, { at: "x" }] }]) {
    assert.deepEqual(readPast(answer), []);
  }
  const [odd] = readPast({
    points: [{ at: 1, fps: "x", age_ms: [], dropped: { a: 5 }, findings: [{ label: 7 }, null] }],
  });
  assert.deepEqual(odd, { at: 1, fps: 0, ageMs: null, ageMaxMs: null, dropped: [], findings: [] });
  assert.equal(summarise([], 10).ageMs, null);
});
