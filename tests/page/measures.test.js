import assert from "node:assert/strict";
import { test } from "node:test";

import { Cameras } from "../../video/page/cameras.js";
import { ServerClock } from "../../video/page/clock.js";
import {
  HISTORY,
  measuredAge,
  measuredRate,
  perSecond,
  quantile,
  rememberLedger,
  rememberShown,
  sample,
} from "../../video/page/measures.js";

/** @import { Head } from "../../video/page/frame.js" */

/**
 * @param {number} capturedMs
 * @returns {Head}
 */
function head(capturedMs) {
  return {
    camera: "front",
    run: "1",
    seq: "1",
    captured_at: capturedMs * 1000,
    width: 640,
    height: 360,
    clock: "ok",
    repeated: false,
    notice: null,
    predictions: [],
  };
}

/**
 * Show a picture.
 * @param {import("../../video/page/cameras.js").Camera} camera
 * @param {number} nowMs
 * @param {Partial<Head>} [changes]
 */
function show(camera, nowMs, changes = {}) {
  camera.head = { ...head(0), ...changes };
  const { captured_at: capturedAt, clock: state, repeated } = camera.head;
  rememberShown(camera, clock(), nowMs, { capturedAt, known: state === "ok", repeated });
}

function front() {
  return new Cameras().known("front");
}

/** A clock that is one second ahead. */
function clock() {
  const ahead = new ServerClock();
  ahead.learn(0, 0, 1_000_000);
  return ahead;
}

test("a quantile is interpolated", () => {
  assert.equal(quantile([3, 1, 2], 0.5), 2);
  assert.equal(quantile([0, 10], 0.95), 9.5);
  assert.equal(quantile([4], 0.95), 4);
});

test("the age is the median of the last second, on the server's clock", () => {
  const camera = front();
  for (let i = 0; i < 10; i++) {
    show(camera, i * 40, head(1000 + i * 40 - 30)); // captured 30 ms before it was shown
  }

  assert.deepEqual(measuredAge(camera, clock(), 400), { ms: 30, p95Ms: 30 });
});

test("the age of a picture that stands still grows", () => {
  const camera = front();
  show(camera, 20, head(1000));

  assert.deepEqual(measuredAge(camera, clock(), 5000), { ms: 5000, p95Ms: null });
});

test("an age that cannot be known is not shown", () => {
  const camera = front();
  assert.equal(measuredAge(undefined, clock(), 0), null);
  assert.equal(measuredAge(camera, clock(), 0), null);

  camera.head = head(0);
  assert.equal(measuredAge(camera, new ServerClock(), 0), null);
  camera.head.clock = "unknown";
  assert.equal(measuredAge(camera, clock(), 0), "unknown");
});

test("the rate is that of the last seconds, and 0 when the pictures have stopped", () => {
  const camera = front();
  for (let i = 0; i <= 50; i++) {
    show(camera, i * 40, head(i * 40));
  }

  assert.equal(measuredRate(camera, 2000), 25);
  assert.equal(measuredRate(camera, 3100), 0);
});

test("a camera with a picture every four seconds has a rate", () => {
  const camera = front();
  for (const atMs of [0, 4000, 8000]) {
    show(camera, atMs, head(atMs));
  }

  assert.equal(measuredRate(camera, 8500), 0.25);
});

test("a picture that is repeated is no new picture", () => {
  const camera = front();
  show(camera, 0, { repeated: true });
  show(camera, 40, { repeated: true });

  assert.equal(measuredRate(camera, 50), 0);
});

test("what is remembered is bounded", () => {
  const camera = front();
  for (let i = 0; i < 5000; i++) {
    show(camera, i);
    sample(camera, clock(), i);
    rememberLedger(camera, {}, i * 100);
  }

  assert.ok(camera.times.length <= 600 && camera.ages.length <= 240 && camera.ledgers.length <= 102);
  assert.equal(camera.ageLine.length, HISTORY);
  assert.equal(camera.fpsLine.length, HISTORY);
});

test("counters are shown per second, and not at all after a restart", () => {
  /** @param {number} stale */
  const ledger = (stale) => ({ producer: { in: 0, out: 0, dropped: { stale }, lost_upstream: 0 } });
  /** @param {import("../../video/page/status.js").Ledger} past */
  const count = (past) => past.producer.dropped.stale;
  const camera = front();

  rememberLedger(camera, ledger(10), 0);
  assert.equal(perSecond(camera, count), "");
  rememberLedger(camera, ledger(10), 1000);
  assert.equal(perSecond(camera, count), "–");
  rememberLedger(camera, ledger(15), 2000);
  assert.equal(perSecond(camera, count), "2.5");
  rememberLedger(camera, ledger(0), 3000);
  assert.equal(perSecond(camera, count), "");
});
