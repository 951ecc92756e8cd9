import assert from "node:assert/strict";
import { test } from "node:test";

import { acknowledgement, readHead, splitFrame } from "../../video/page/frame.js";

const BEGIN = '{"camera": "front", "run": 1700000000000000, "seq": 7, "captured_at": 1700000000000001';
const HEAD = `${BEGIN}, "width": 640, "height": 360, "clock": "ok", "repeated": false, "notice": null, "predictions": []}`;

/**
 * @param {string} head
 * @param {number[]} jpeg
 */
function message(head, jpeg) {
  const bytes = new TextEncoder().encode(head);
  const data = new Uint8Array(4 + bytes.length + jpeg.length);
  new DataView(data.buffer).setUint32(0, bytes.length);
  data.set(bytes, 4);
  data.set(jpeg, 4 + bytes.length);
  return data.buffer;
}

test("a message is split into the header and the picture", () => {
  const { head, jpeg } = splitFrame(message(HEAD, [255, 216, 255, 217]));

  assert.equal(head, HEAD);
  assert.deepEqual([...jpeg], [255, 216, 255, 217]);
});

test("a message that is shorter than its header is refused", () => {
  assert.throws(() => splitFrame(new ArrayBuffer(2)), RangeError);
  assert.throws(() => splitFrame(new Uint8Array([255, 255, 255, 255, 1]).buffer), RangeError);
});

test("numbers beyond 2^53 are acknowledged exactly as they came", () => {
  const owed = acknowledgement('{"camera": "a\\"b", "run": 9223372036854775806, "seq": 9223372036854775807, "x": NaN}');

  assert.equal(owed?.camera, 'a"b');
  assert.equal(owed?.message, '{"type":"ack","camera":"a\\"b","run":9223372036854775806,"seq":9223372036854775807}');
});

test("numbers that come as text go back as text", () => {
  const owed = acknowledgement('{"camera":"a","run":"9223372036854775806","seq":"5"');

  assert.equal(owed?.message, '{"type":"ack","camera":"a","run":"9223372036854775806","seq":"5"}');
});

test("a header that names no frame cannot be acknowledged", () => {
  for (const head of ["", "{}", "[]", '{"camera": 5, "run": 1, "seq": 2}', '{"camera": "\\u12", "run": 1, "seq": 2}']) {
    assert.equal(acknowledgement(head), null, head);
  }
});

test("a header is read with exact numbers", () => {
  const head = readHead(HEAD.replace('"seq": 7', '"seq": 9007199254740993'));

  assert.equal(head.camera, "front");
  assert.equal(head.run, "1700000000000000");
  assert.equal(head.seq, "9007199254740993");
  assert.equal(head.captured_at, 1_700_000_000_000_001);
  assert.deepEqual([head.width, head.height, head.clock, head.repeated], [640, 360, "ok", false]);
});

test("a header that is not JSON, or without a time, is refused", () => {
  assert.throws(() => readHead(HEAD.replace("[]", "[NaN]")), SyntaxError);
  assert.throws(() => readHead(HEAD.replace("1700000000000001", "1e999")), SyntaxError);
  assert.throws(() => readHead("null"), SyntaxError);
});

test("predictions that make no sense are left out, the others are kept", () => {
  const predictions = [
    null,
    5,
    [],
    { state: "ok", label: "no model" },
    { model: "a", state: 5, label: 5, probability: "x", boxes: 7, findings: {}, left_out: "x", version: 3, seq: 9 },
    {
      model: "b",
      state: "ok",
      label: "tabby",
      probability: 7,
      findings: [5, { label: "tabby", probability: 7 }, { label: 5 }],
      boxes: [null, { label: "cat", probability: 0.5 }, { label: "cup" }, {}],
      left_out: 3,
    },
  ];

  const head = readHead(HEAD.replace("[]", JSON.stringify(predictions)));

  const rest = { since: null, age_ms: null };
  const nothing = { label: null, probability: null, findings: [], boxes: [], leftOut: 0 };
  assert.deepEqual(head.predictions, [
    { ...rest, ...nothing, model: "a", state: "ok", version: "3", seq: "9" },
    {
      ...rest,
      model: "b",
      state: "ok",
      label: "tabby",
      probability: 1,
      findings: [{ label: "tabby", probability: 1 }],
      boxes: [
        { label: "cat", probability: 0.5 },
        { label: "cup", probability: null },
      ],
      leftOut: 3,
      version: null,
      seq: null,
    },
  ]);
});
