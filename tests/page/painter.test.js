import assert from "node:assert/strict";
import { test } from "node:test";

import { Painter } from "../../video/page/painter.js";

/** @import { Report } from "../../video/page/painter.js" */

/**
 * @param {number} seq
 * @param {string} [more] of the header
 */
function frame(seq, more = '"repeated": false') {
  const head = `{"camera": "front", "run": 1, "seq": ${seq}, "captured_at": 5, ${more}}`;
  const bytes = new TextEncoder().encode(head);
  const data = new Uint8Array(4 + bytes.length + 2);
  new DataView(data.buffer).setUint32(0, bytes.length);
  data.set(bytes, 4);
  return data.buffer;
}

/** A painter whose decoder and screen do what the test tells them. */
class Bench {
  constructor() {
    /** @type {Report[]} */
    this.reports = [];
    /** @type {{ resolve: (bitmap: object) => void, reject: (error: Error) => void }[]} */
    this.decoding = [];
    /** @type {(() => void)[]} */
    this.refreshes = [];
    this.painter = new Painter(
      (reports) => this.reports.push(...reports),
      (draw) => this.refreshes.push(draw),
    );
    globalThis.createImageBitmap = /** @type {typeof createImageBitmap} */ (
      /** @type {unknown} */ (() => new Promise((resolve, reject) => this.decoding.push({ resolve, reject })))
    );
  }

  /**
   * @param {number} serial
   * @param {string} [more]
   */
  receive(serial, more) {
    this.painter.handle({ type: "frame", serial, data: frame(serial, more) });
  }

  async decoded() {
    this.decoding.shift()?.resolve({ width: 4, height: 3, close() {} });
    await new Promise((resolve) => setImmediate(resolve));
  }

  refresh() {
    for (const draw of this.refreshes.splice(0)) draw();
  }

  get outcomes() {
    return this.reports.map(({ serial, outcome }) => `${serial} ${outcome}`);
  }
}

test("a frame is shown with the next refresh and acknowledged by name", async () => {
  const bench = new Bench();
  bench.receive(1);
  await bench.decoded();
  assert.deepEqual(bench.outcomes, []);
  bench.refresh();

  assert.deepEqual(bench.outcomes, ["1 shown"]);
  assert.equal(bench.reports[0].acknowledgement, '{"type":"ack","camera":"front","run":1,"seq":1}');
  assert.equal(bench.reports[0].head?.seq, "1");
  assert.equal(bench.painter.work.size, 0);
});

test("of frames that come faster than they can be decoded or drawn, the newest is shown and all are reported", async () => {
  const bench = new Bench();
  for (const serial of [1, 2, 3]) bench.receive(serial);
  await bench.decoded(); // 1
  await bench.decoded(); // 3
  bench.refresh();

  assert.deepEqual(bench.outcomes.sort(), ["1 given up", "2 given up", "3 shown"]);
});

test("a frame that cannot be decoded is reported once, and a repeated one is not counted again", async () => {
  const bench = new Bench();
  bench.receive(1);
  bench.decoding.shift()?.reject(new Error("no picture"));
  await new Promise((resolve) => setImmediate(resolve));
  bench.receive(2, '"repeated": true');
  bench.decoding.shift()?.reject(new Error("no picture"));
  await new Promise((resolve) => setImmediate(resolve));

  assert.deepEqual(bench.outcomes, ["1 broken", "2 given up"]);
});

test("what is in progress when everything is dropped is given up, also while it is being decoded", async () => {
  const bench = new Bench();
  bench.receive(1);
  bench.receive(2);
  bench.painter.handle({ type: "drop" });
  await bench.decoded();
  bench.refresh();

  assert.deepEqual(bench.outcomes.sort(), ["1 given up", "2 given up"]);
});

test("a message that is no frame is reported without an acknowledgement", () => {
  const bench = new Bench();
  bench.painter.handle({ type: "frame", serial: 1, data: new ArrayBuffer(2) });

  const [{ outcome, camera, acknowledgement }] = bench.reports;
  assert.deepEqual([outcome, camera, acknowledgement], ["broken", null, null]);
});
