import assert from "node:assert/strict";
import { test } from "node:test";

import { tileRate, watchMessage } from "../../video/page/watch.js";

test("pictures are asked for at the size at which they are shown", () => {
  const tiles = [
    { id: "front", width: 345 },
    { id: "yard", width: 345 },
  ];

  assert.deepEqual(JSON.parse(watchMessage({ large: null, tiles }, 1)), {
    type: "watch",
    cameras: { front: { width: 416, fps: 25 }, yard: { width: 416, fps: 25 } },
  });
  assert.deepEqual(JSON.parse(watchMessage({ large: { id: "front", width: 1000 }, tiles: [] }, 2)), {
    type: "watch",
    cameras: { front: { width: 2400 } },
  });
});

test("what is out of view is not asked for", () => {
  assert.deepEqual(JSON.parse(watchMessage({ large: null, tiles: [] }, 1)), { type: "watch", cameras: {} });
});

test("all tiles together ask for a bounded number of pictures a second", () => {
  assert.deepEqual([1, 4, 16, 40, 1000].map(tileRate), [25, 25, 10, 4, 2]);
});
