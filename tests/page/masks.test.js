import assert from "node:assert/strict";
import { test } from "node:test";

import { Masks, MOST_POINTS, MOST_POLYGONS, rounded, yamlLines } from "../../video/page/masks.js";

/** @import { Point } from "../../video/page/masks.js" */

/**
 * Draw a polygon; return what is said about it.
 * @param {Masks} masks
 * @param {Point[]} points
 */
function draw(masks, points) {
  const said = points.map((point) => masks.add(point)).filter(Boolean);
  return [...said, masks.close()].filter(Boolean);
}

test("a polygon is written as a line of the cameras document, several as a list", () => {
  const masks = new Masks();
  assert.deepEqual(
    draw(masks, [
      [0, 0],
      [0.3, 0],
      [0.3, 0.2],
    ]),
    [],
  );
  assert.equal(yamlLines(masks.polygons), "    masks: [[[0, 0], [0.3, 0], [0.3, 0.2]]]\n");

  draw(masks, [
    [0.5, 0.5],
    [0.61234, 0.5],
    [0.6, 0.9],
  ]);
  assert.equal(
    yamlLines(masks.polygons),
    "    masks:\n      - [[0, 0], [0.3, 0], [0.3, 0.2]]\n      - [[0.5, 0.5], [0.612, 0.5], [0.6, 0.9]]\n",
  );
});

test("a point near the edge of the picture is on it, and none is outside", () => {
  assert.deepEqual(rounded([0.004, 0.995]), [0, 1]);
  assert.deepEqual(rounded([-3, Number.NaN]), [0, 0]);
  assert.deepEqual(rounded([0.12349, 0.98]), [0.123, 0.98]);
});

test("what the producer would refuse cannot be drawn", () => {
  const bow = new Masks();
  assert.deepEqual(
    draw(bow, [
      [0, 0],
      [0.5, 0.5],
      [0.5, 0],
      [0, 0.5],
    ]),
    ["Sides may not cross or touch."],
  );
  assert.equal(bow.polygons[0].length, 3, "without the point that is refused it is a triangle");

  const closing = new Masks(); // only the closing side crosses another one
  assert.deepEqual(
    draw(closing, [
      [0.2, 0.2],
      [0.8, 0.2],
      [0.8, 0.8],
      [0.5, 0.1],
    ]),
    ["Sides may not cross or touch."],
  );

  const back = new Masks();
  assert.deepEqual(
    draw(back, [
      [0.2, 0.2],
      [0.8, 0.2],
      [0.5, 0.2],
    ]).includes("Sides may not cross or touch."),
    true,
  );
  const line = new Masks();
  assert.deepEqual(
    draw(line, [
      [0.2, 0.2],
      [0.4, 0.2],
    ]),
    ["A polygon needs three points."],
  );
  assert.equal(line.add([0.4, 0.2]), "There is a point already.");
});

test("as many points and polygons as the producer takes", () => {
  const masks = new Masks();
  for (let index = 0; index <= MOST_POINTS; index++) {
    const angle = (2 * Math.PI * index) / (MOST_POINTS + 1);
    const said = masks.add([0.5 + 0.4 * Math.cos(angle), 0.5 + 0.4 * Math.sin(angle)]);
    assert.equal(said, index < MOST_POINTS ? "" : `A polygon has at most ${MOST_POINTS} points.`);
  }
  masks.clear();
  assert.equal(masks.isEmpty, true);
  for (let index = 0; index < MOST_POLYGONS; index++)
    draw(masks, [
      [0.1, 0.1],
      [0.2, 0.1],
      [0.2, 0.2],
    ]);
  assert.equal(masks.add([0.5, 0.5]), `A camera has at most ${MOST_POLYGONS} polygons.`);
});

test("a step back takes the last point, or opens the last polygon again", () => {
  const masks = new Masks();
  draw(masks, [
    [0.1, 0.1],
    [0.2, 0.1],
    [0.2, 0.2],
  ]);
  masks.undo();
  assert.deepEqual([masks.polygons.length, masks.points.length], [0, 3]);
  masks.undo();
  assert.equal(masks.points.length, 2);
  masks.clear();
  masks.undo();
  assert.equal(masks.isEmpty, true);
});

test("a corner can be moved, unless sides would cross", () => {
  const masks = new Masks();
  draw(masks, [
    [0.1, 0.1],
    [0.5, 0.1],
    [0.5, 0.5],
    [0.1, 0.5],
  ]);
  masks.move(0, 2, [0.6, 0.6]);
  assert.deepEqual(masks.polygons[0][2], [0.6, 0.6]);
  masks.move(0, 2, [0.3, 0.05]);
  assert.deepEqual(masks.polygons[0][2], [0.6, 0.6]);
});
