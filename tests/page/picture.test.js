import assert from "node:assert/strict";
import { test } from "node:test";

import { thumbGapMs } from "../../video/page/picture.js";

test("many thumbnails together stay below what the server takes", () => {
  assert.equal(thumbGapMs(2), 100);
  assert.equal(thumbGapMs(6), 100);
  assert.equal(Math.round((60 * 1000) / thumbGapMs(60)), 60);
});
