import assert from "node:assert/strict";
import { test } from "node:test";

import { ServerClock } from "../../video/page/clock.js";

test("the sample with the shortest round trip is believed", () => {
  const clock = new ServerClock();

  clock.learn(1000, 1100, 51_050_000); // 50 s ahead, ±50 ms
  clock.learn(2000, 2010, 52_003_000); // 49.998 s ahead, ±5 ms
  clock.learn(3000, 3400, 53_900_000);

  assert.equal(clock.roundTripMs, 10);
  assert.equal(clock.offsetMs, 49_998);
  assert.equal(clock.serverMs(2005), 52_003);
});

test("a sample is forgotten after half a minute, so that the offset follows drifting clocks", () => {
  const clock = new ServerClock();

  clock.learn(0, 1, 1000);
  clock.learn(40_000, 40_100, 41_050_000);

  assert.equal(clock.offsetMs, 1000);
});

test("the offset stays while there is no new sample", () => {
  const clock = new ServerClock();
  clock.learn(0, 2, 501_000);

  clock.forget();

  assert.equal(clock.serverMs(0), 500);
});

test("an answer that makes no sense teaches nothing", () => {
  const clock = new ServerClock();

  clock.learn(5000, 1000, 1_000_000);
  clock.learn(Number.NaN, 1000, 1_000_000);

  assert.equal(clock.offsetMs, null);
});
