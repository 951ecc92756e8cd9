import assert from "node:assert/strict";
import { test } from "node:test";

import { swiped } from "../../video/page/swipe.js";

const BEGAN = { x: 200, y: 200, atMs: 0 };

test("a quick, flat way is a swipe; a tap, a slow or a steep way is not", () => {
  assert.equal(swiped(BEGAN, { clientX: 100, clientY: 210 }, 200), 1);
  assert.equal(swiped(BEGAN, { clientX: 300, clientY: 190 }, 200), -1);
  assert.equal(swiped(BEGAN, { clientX: 205, clientY: 200 }, 50), 0);
  assert.equal(swiped(BEGAN, { clientX: 100, clientY: 300 }, 200), 0);
  assert.equal(swiped(BEGAN, { clientX: 100, clientY: 200 }, 2000), 0);
});
