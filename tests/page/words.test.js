import assert from "node:assert/strict";
import { test } from "node:test";

import {
  age,
  cameraState,
  capital,
  duration,
  fixed,
  grouped,
  percent,
  sentence,
  short,
  tone,
  words,
} from "../../video/page/words.js";

test("numbers are grouped, and negative ones have a minus sign", () => {
  assert.equal(grouped(1234567.4), "1\u2009234\u2009567");
  assert.equal(grouped(999), "999");
  assert.equal(fixed(-1.26, 1), "−1.3");
  assert.equal(percent(0.875), "88 %");
});

test("a duration has one unit, or two where it matters", () => {
  assert.equal(duration(-5), "0 s");
  assert.equal(duration(59_999), "59 s");
  assert.equal(duration(61_000), "1 min");
  assert.equal(duration(61_000, { fine: true }), "1 min 01 s");
  assert.equal(duration(3_660_000), "1 h 01 min");
  assert.equal(duration(3 * 86_400_000), "3 d");
});

test("an age has as many digits as mean something", () => {
  assert.deepEqual(age(-12), ["−12", "ms"]);
  assert.deepEqual(age(999), ["999", "ms"]);
  assert.deepEqual(age(1234), ["1.23", "s"]);
  assert.deepEqual(age(12_340), ["12.3", "s"]);
  assert.deepEqual(age(61_000), ["1 min 01 s", ""]);
});

test("a long text is cut at 200 characters", () => {
  assert.equal(short("x".repeat(200)), "x".repeat(200));
  assert.equal(short("x".repeat(201)), `${"x".repeat(199)}…`);
});

test("a reason becomes a sentence", () => {
  assert.equal(sentence("connection refused"), "Connection refused.");
  assert.equal(sentence("what now?"), "What now?");
  assert.equal(sentence(null), "");
  assert.equal(words("lost_upstream"), "lost upstream");
  assert.equal(capital(""), "");
});

test("a camera is down only if its producer says so", () => {
  assert.equal(cameraState(null), "waiting");
  assert.equal(cameraState({ state: "down", notice: "CAMERA DOWN" }), "down");
  assert.equal(cameraState({ state: "down", notice: "BUS STALLED" }), "no picture");
  assert.equal(cameraState({ state: "frozen", notice: "CAMERA DOWN" }), "frozen");
});

test("a state that nobody knows is bad", () => {
  assert.deepEqual(["up", "waiting", "silent", "__proto__"].map(tone), ["ok", "idle", "bad", "bad"]);
});
