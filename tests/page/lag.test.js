import assert from "node:assert/strict";
import { test } from "node:test";

import { Cameras } from "../../video/page/cameras.js";
import { lagText, ViewerLag } from "../../video/page/lag.js";

/**
 * Let some statuses pass, one a second.
 * @param {ViewerLag} lag
 * @param {{ ackMs: number | null, browserMs?: number, sent?: number, skipped?: number, statuses?: number }} each
 */
function pass(lag, { ackMs, browserMs = 5, sent = 10, skipped = 0, statuses = 1 }) {
  const cameras = new Cameras();
  Object.assign(cameras.known("front"), { shown: 1, browserMs });
  for (let status = 0; status < statuses; status++) {
    const total = { sent: lag.before.sent + sent, skipped: lag.before.skipped + skipped };
    lag.note(new Map([["front", { ...total, ack_ms: ackMs }]]), cameras);
  }
}

test("a connection is slow when pictures have taken long for three seconds, and fine again after three more", () => {
  const lag = new ViewerLag();
  pass(lag, { ackMs: 30, statuses: 5 });
  pass(lag, { ackMs: 1400, statuses: 2 });
  assert.equal(lag.slow, null);

  pass(lag, { ackMs: 1400 });
  assert.deepEqual(lag.slow, { cause: "connection", ms: 1400 });
  assert.match(
    lagText({ cause: "connection", ms: 1400 }),
    /^Slow connection: pictures take 1\.4 s .* not the cause\.$/,
  );

  pass(lag, { ackMs: 100, statuses: 2 });
  assert.notEqual(lag.slow, null);
  pass(lag, { ackMs: 100 });
  assert.equal(lag.slow, null);
});

test("a hiccup is no verdict", () => {
  const lag = new ViewerLag();
  for (let second = 0; second < 20; second++) pass(lag, { ackMs: second % 3 ? 900 : 50 });

  assert.equal(lag.slow, null);
});

test("time that is spent in the browser is the browser's", () => {
  const lag = new ViewerLag();
  pass(lag, { ackMs: 900, browserMs: 800, statuses: 3 });

  assert.equal(lag.slow?.cause, "browser");
  assert.match(lagText({ cause: "browser", ms: 900 }), /^This browser is slow: it takes 0\.9 s/);
});

test("a viewer that skips most pictures is slow, if it lags at all", () => {
  const lag = new ViewerLag();
  pass(lag, { ackMs: 200, skipped: 30, statuses: 3 });
  assert.equal(lag.slow?.cause, "connection");

  const quick = new ViewerLag();
  pass(quick, { ackMs: 20, skipped: 30, statuses: 9 });
  assert.equal(quick.slow, null);
});

test("nothing is known without acknowledgements, and a new connection counts from zero", () => {
  const lag = new ViewerLag();
  pass(lag, { ackMs: null, statuses: 9 });
  pass(lag, { ackMs: 900, statuses: 2 });
  lag.restart();
  pass(lag, { ackMs: 900, statuses: 2 });

  assert.equal(lag.slow, null);
});

test("a browser whose timers are late is to blame, also if pictures do not wait for it", () => {
  const lag = new ViewerLag();
  for (let timer = 0; timer < 12; timer++) lag.noteLateness(250);
  pass(lag, { ackMs: 900, statuses: 3 });
  assert.equal(lag.slow?.cause, "browser");

  for (let timer = 0; timer < 100; timer++) lag.noteLateness(timer % 5 ? 3 : 400);
  pass(lag, { ackMs: 900 });
  assert.equal(lag.slow?.cause, "connection");
  assert.ok(lag.lateness.length <= 12);
});
