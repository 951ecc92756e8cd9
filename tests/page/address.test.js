import assert from "node:assert/strict";
import { test } from "node:test";

import { cameraAddress, readAddress, wallAddress } from "../../video/page/address.js";

test("an address without a view leaves the choice to the page", () => {
  for (const hash of ["", "#", "#main", "#camera="]) {
    assert.deepEqual(readAddress(hash), { view: "auto", camera: null, filter: "" }, hash);
  }
});

test("what is written is read again, whatever the names are", () => {
  for (const name of ["front", "a&b=c", "ü #%", "x y"]) {
    assert.deepEqual(readAddress(wallAddress(name)), { view: "wall", camera: null, filter: name });
    assert.deepEqual(readAddress(cameraAddress(name, "")), { view: "camera", camera: name, filter: "" });
    assert.deepEqual(readAddress(cameraAddress("front", name)), { view: "camera", camera: "front", filter: name });
  }
  assert.deepEqual(readAddress(wallAddress("")), { view: "wall", camera: null, filter: "" });
});
