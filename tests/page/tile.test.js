import assert from "node:assert/strict";
import { test } from "node:test";

import { Cameras } from "../../video/page/cameras.js";
import { readStatus } from "../../video/page/status.js";
import { tileState } from "../../video/page/tile.js";

/** @param {Record<string, unknown>} reported */
function camera(reported) {
  const cameras = new Cameras();
  cameras.update(readStatus({ cameras: [{ id: "front", ...reported }] }).cameras, 0);
  return cameras.known("front");
}

test("a tile says what is wrong, and says nothing over a live picture", () => {
  assert.deepEqual(tileState(camera({ state: "down", notice: "PRODUCER DOWN", since: 7 })), {
    tone: "bad",
    words: "producer down",
    at: 7,
  });
  assert.equal(tileState(camera({ state: "up" })).words, "waiting for a picture");
  const live = camera({ state: "up" });
  live.head = /** @type {import("../../video/page/frame.js").Head} */ ({ seq: "1" });
  assert.deepEqual(tileState(live), { tone: "ok", words: "", at: null });
});

test("a camera that is switched off or removed is not blamed", () => {
  for (const state of ["disabled", "removed", "waiting"]) {
    assert.deepEqual([tileState(camera({ state })).tone, tileState(camera({ state })).words], ["idle", state]);
  }
});
