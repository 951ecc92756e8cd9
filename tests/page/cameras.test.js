import assert from "node:assert/strict";
import { test } from "node:test";

import { Cameras } from "../../video/page/cameras.js";

/** @param {string} id */
function status(id) {
  return {
    id,
    width: null,
    height: null,
    fps: null,
    viewers: null,
    state: "up",
    since: null,
    reason: null,
    notice: null,
  };
}

test("the first camera is selected until another is wanted and there", () => {
  const cameras = new Cameras();
  cameras.update([status("yard"), status("front")], 0);

  assert.equal(cameras.choose(), true);
  assert.equal(cameras.selected?.id, "front");

  cameras.wantedId = "attic";
  assert.equal(cameras.choose(), false);
  cameras.update([status("yard"), status("front"), status("attic")], 0);
  assert.equal(cameras.choose(), true);
  assert.equal(cameras.selectedId, "attic");
});

test("a camera that is no longer reported goes, and another is selected", () => {
  const cameras = new Cameras();
  cameras.update([status("front"), status("yard")], 0);
  cameras.choose();

  const gone = cameras.update([status("yard")], 0);

  assert.deepEqual(
    gone.map((camera) => camera.id),
    ["front"],
  );
  assert.equal(cameras.choose(), true);
  assert.equal(cameras.selectedId, "yard");
});

test("a camera whose pictures came before its status is kept for three seconds", () => {
  const cameras = new Cameras();
  cameras.known("front").shownMs = 1000;

  assert.deepEqual(cameras.update([], 3900), []);
  assert.equal(cameras.update([], 4100).length, 1);
});

test("neighbours are found around the end", () => {
  const cameras = new Cameras();
  assert.equal(cameras.neighbour(1), null);
  cameras.update([status("a"), status("b"), status("c")], 0);
  cameras.choose();

  assert.equal(cameras.neighbour(-1), "c");
  assert.equal(cameras.neighbour(1), "b");
});
