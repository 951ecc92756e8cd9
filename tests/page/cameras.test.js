import assert from "node:assert/strict";
import { test } from "node:test";

import { Cameras, nameOf } from "../../video/page/cameras.js";

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
    title: /** @type {string | null} */ (null),
    tags: /** @type {string[]} */ ([]),
  };
}

/** @param {string} camera */
function addressOf(camera) {
  return { view: /** @type {const} */ ("camera"), camera, filter: "" };
}

test("without an address, one camera is shown alone and several on the wall", () => {
  const cameras = new Cameras();
  cameras.update([status("front")], 0);
  assert.equal(cameras.choose(), true);
  assert.deepEqual([cameras.onWall, cameras.selectedId], [false, "front"]);

  cameras.update([status("front"), status("yard")], 0);
  assert.equal(cameras.choose(), true);
  assert.deepEqual([cameras.onWall, cameras.selectedId], [true, null]);
  assert.equal(cameras.choose(), false);
});

test("the camera in the address is shown as soon as it is there, until then the first one", () => {
  const cameras = new Cameras();
  cameras.address = addressOf("attic");
  cameras.update([status("yard"), status("front")], 0);
  cameras.choose();
  assert.equal(cameras.selected?.id, "front");

  cameras.update([status("yard"), status("front"), status("attic")], 0);
  assert.equal(cameras.choose(), true);
  assert.equal(cameras.selectedId, "attic");
});

test("the wall in the address stays, however few cameras there are", () => {
  const cameras = new Cameras();
  cameras.address = { view: "wall", camera: null, filter: "" };
  cameras.update([status("front")], 0);
  cameras.choose();

  assert.equal(cameras.onWall, true);
});

test("cameras are sorted and found by their titles and tags", () => {
  const cameras = new Cameras();
  const named = [
    { ...status("a"), title: "Gate 10", tags: ["outside"] },
    { ...status("b"), title: "Gate 2", tags: ["outside"] },
    { ...status("c"), title: null, tags: ["inside"] },
  ];
  cameras.update(named, 0);
  assert.deepEqual(cameras.ordered().map(nameOf), ["c", "Gate 2", "Gate 10"]);

  cameras.address = { view: "wall", camera: null, filter: "OUT gate" };
  assert.deepEqual(cameras.filtered().map(nameOf), ["Gate 2", "Gate 10"]);
});

test("a camera that is no longer reported goes, and another is selected", () => {
  const cameras = new Cameras();
  cameras.address = addressOf("front");
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
  cameras.address = addressOf("a");
  cameras.update([status("a"), status("b"), status("c")], 0);
  cameras.choose();

  assert.equal(cameras.neighbour(-1), "c");
  assert.equal(cameras.neighbour(1), "b");
});
