// The grid of the wall: how many columns use the window best. Pure functions.

/**
 * @typedef {object} Grid
 * @property {number} columns
 * @property {number} width of a picture's box, CSS pixels
 * @property {number} height of a picture's box, CSS pixels
 * @property {boolean} scrolls there are more cameras than fit at the least width
 */
/**
 * @typedef {object} Space
 * @property {number} width CSS pixels
 * @property {number} height CSS pixels
 * @property {number} gap between two tiles
 * @property {number} caption height of the line below a picture
 * @property {number} least width of a tile
 */

/**
 * Return the grid in which the pictures cover the largest area. All boxes have the shape that most pictures have; others
 * are fitted in. If tiles would be narrower than the least width, the grid takes as many columns as there is room for
 * and scrolls.
 * @param {number[]} aspects width / height of each camera's picture
 * @param {Space} space
 * @returns {Grid}
 */
export function bestGrid(aspects, space) {
  const kinds = [...counted(aspects.length ? aspects : [1])];
  const [shape] = kinds.reduce((one, other) => (other[1] > one[1] ? other : one));
  const count = Math.max(1, aspects.length);
  const widest = columnsAt(space.least, space);
  let [best, most] = [{ columns: 1, width: 0, height: 0 }, 0];
  for (let columns = 1; columns <= Math.min(count, widest); columns++) {
    const box = contained(shape, boxes(columns, count, space));
    const area = kinds.reduce((sum, [aspect, times]) => sum + times * contained(aspect, box).area, 0);
    if (area > most * 1.001)
      [best, most] = [{ columns, width: Math.floor(box.width), height: Math.floor(box.height) }, area];
  }
  return best.width < Math.min(space.least, space.width) ? scrolling(shape, space) : { ...best, scrolls: false };
}

/**
 * Return the index of the tile to which an arrow key leads; the same index at the edge.
 * @param {number} index
 * @param {string} key
 * @param {{ columns: number, count: number }} grid
 */
export function neighbourTile(index, key, { columns, count }) {
  const steps = /** @type {Record<string, number>} */ ({
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -columns,
    ArrowDown: columns,
  });
  const target = index + (steps[key] ?? 0);
  if (key === "ArrowDown" && target >= count)
    return Math.floor(index / columns) < Math.floor((count - 1) / columns) ? count - 1 : index;
  return target < 0 || target >= count ? index : target;
}

/**
 * @param {number} columns
 * @param {number} count
 * @param {Space} space
 */
function boxes(columns, count, { width, height, gap, caption }) {
  const rows = Math.ceil(count / columns);
  return {
    width: Math.max(0, (width - (columns - 1) * gap) / columns),
    height: Math.max(0, (height - (rows - 1) * gap) / rows - caption),
  };
}

/**
 * Return the size of a picture that is fitted into a box.
 * @param {number} aspect
 * @param {{ width: number, height: number }} box
 */
function contained(aspect, box) {
  const width = Math.min(box.width, box.height * aspect);
  return { width, height: width / aspect, area: (width * width) / aspect };
}

/**
 * @param {number} shape width / height of a box
 * @param {Space} space
 * @returns {Grid}
 */
function scrolling(shape, space) {
  const columns = columnsAt(space.least, space);
  const width = Math.floor((space.width - (columns - 1) * space.gap) / columns);
  return { columns, width, height: Math.floor(Math.min(space.height, width / shape)), scrolls: true };
}

/**
 * Return how many tiles of a width fit next to each other, at least one.
 * @param {number} tile
 * @param {Space} space
 */
function columnsAt(tile, { width, gap }) {
  return Math.max(1, Math.floor((width + gap) / (tile + gap)));
}

/**
 * @param {number[]} values
 * @returns {Map<number, number>} how often each occurs
 */
function counted(values) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}
