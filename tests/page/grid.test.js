import assert from "node:assert/strict";
import { test } from "node:test";

import { bestGrid, neighbourTile } from "../../video/page/grid.js";

const HD = 16 / 9;
const DESKTOP = { width: 1392, height: 828, gap: 14, caption: 30, least: 150 };
const PHONE = { width: 366, height: 700, gap: 8, caption: 30, least: 150 };

/**
 * @param {number} count
 * @param {number} [aspect]
 */
function cameras(count, aspect = HD) {
  return Array.from({ length: count }, () => aspect);
}

/**
 * @param {number} count
 * @param {{ columns: number, height: number }} grid
 * @param {typeof DESKTOP} space
 */
function heightOf(count, grid, { gap, caption }) {
  const rows = Math.ceil(count / grid.columns);
  return rows * (grid.height + caption) + (rows - 1) * gap;
}

test("any number of cameras that can fit does fit, with pictures of their shape", () => {
  for (let count = 1; count <= 42; count++) {
    const grid = bestGrid(cameras(count), DESKTOP);

    assert.equal(grid.scrolls, false, `${count}`);
    assert.ok(grid.columns * grid.width + (grid.columns - 1) * DESKTOP.gap <= DESKTOP.width, `${count}`);
    assert.ok(heightOf(count, grid, DESKTOP) <= DESKTOP.height, `${count}`);
    assert.ok(Math.abs(grid.width / grid.height - HD) < 0.03, `${count}: ${grid.width} x ${grid.height}`);
  }
});

test("no other number of columns makes the pictures larger", () => {
  for (const space of [DESKTOP, { ...DESKTOP, width: 600 }, { ...DESKTOP, height: 400 }]) {
    for (const count of [1, 2, 3, 5, 7, 12, 16]) {
      const grid = bestGrid(cameras(count), space);
      if (grid.scrolls) continue;
      for (let columns = 1; columns <= count; columns++) {
        const rows = Math.ceil(count / columns);
        const width = (space.width - (columns - 1) * space.gap) / columns;
        const height = (space.height - (rows - 1) * space.gap) / rows - space.caption;
        assert.ok(grid.width + 3 >= Math.min(width, height * HD), `${count} cameras, ${columns} columns`);
      }
    }
  }
});

test("16 cameras in a wide window are four by four, in a tall one fewer columns", () => {
  assert.equal(bestGrid(cameras(16), DESKTOP).columns, 4);
  assert.equal(bestGrid(cameras(6), { ...DESKTOP, width: 500 }).columns, 2);
  assert.equal(bestGrid(cameras(4, 9 / 16), DESKTOP).columns, 4);
});

test("boxes have the shape that most pictures have", () => {
  for (const space of [DESKTOP, { ...DESKTOP, height: 300 }]) {
    const grid = bestGrid([HD, HD, HD, 9 / 16], space);

    assert.ok(Math.abs(grid.width / grid.height - HD) < 0.03);
    assert.ok(heightOf(4, grid, space) <= space.height);
  }
});

test("what does not fit at the least width scrolls, as wide as the window", () => {
  const grid = bestGrid(cameras(16), PHONE);

  assert.deepEqual([grid.columns, grid.width, grid.scrolls], [2, 179, true]);
  assert.equal(bestGrid(cameras(1), { ...PHONE, width: 120 }).width, 120);
});

test("no camera, or no room, is no error", () => {
  assert.equal(bestGrid([], DESKTOP).columns, 1);
  assert.equal(bestGrid(cameras(3), { ...DESKTOP, height: 20 }).scrolls, true);
});

test("a thousand cameras take no time worth mentioning", () => {
  const shapes = Array.from({ length: 1000 }, (_, index) => 1 + index / 1000);
  const began = performance.now();
  bestGrid(shapes, { ...DESKTOP, width: 3840 });
  assert.ok(performance.now() - began < 1000);
});

test("arrow keys lead to the neighbour in the grid, and stop at its edge", () => {
  const grid = { columns: 3, count: 8 }; // the last row has two
  assert.equal(neighbourTile(0, "ArrowRight", grid), 1);
  assert.equal(neighbourTile(0, "ArrowLeft", grid), 0);
  assert.equal(neighbourTile(1, "ArrowDown", grid), 4);
  assert.equal(neighbourTile(5, "ArrowDown", grid), 7);
  assert.equal(neighbourTile(7, "ArrowDown", grid), 7);
  assert.equal(neighbourTile(4, "ArrowUp", grid), 1);
  assert.equal(neighbourTile(2, "ArrowUp", grid), 2);
  assert.equal(neighbourTile(7, "ArrowRight", grid), 7);
});
