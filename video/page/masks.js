// Polygons of privacy masks as they are drawn, in fractions of the picture's width and height, and their lines in a
// cameras document. The producer's rules hold here, too (producer/polygons.py). Pure.

/** @typedef {[number, number]} Point x and y, 0 to 1 */

const DIGITS = 3; // of a fraction: a thousandth of a picture is about a pixel
export const MOST_POINTS = 64; // of a polygon
export const MOST_POLYGONS = 64;
const EDGE = 0.01; // a point that is that near to the edge of the picture is on it

/** Polygons that are finished, and the one that is being drawn. */
export class Masks {
  constructor() {
    /** @type {Point[][]} */
    this.polygons = [];
    /** @type {Point[]} */
    this.points = [];
  }

  /**
   * Add a point to the polygon that is being drawn.
   * @param {Point} point
   * @returns {string} why it is not added; empty if it is
   */
  add(point) {
    const next = rounded(point);
    if (this.polygons.length >= MOST_POLYGONS) return `A camera has at most ${MOST_POLYGONS} polygons.`;
    if (this.points.length >= MOST_POINTS) return `A polygon has at most ${MOST_POINTS} points.`;
    if (this.points.some(([x, y]) => x === next[0] && y === next[1])) return "There is a point already.";
    if (crosses([...this.points, next], { closed: false })) return "Sides may not cross or touch.";
    this.points.push(next);
    return "";
  }

  /**
   * Finish the polygon that is being drawn.
   * @returns {string} why it cannot be finished; empty if it is
   */
  close() {
    if (this.points.length < 3) return "A polygon needs three points.";
    const problem = faultOf(this.points);
    if (problem) return problem;
    this.polygons.push(this.points);
    this.points = [];
    return "";
  }

  /** Take back the last point; with none, open the last polygon again. */
  undo() {
    if (this.points.length) this.points.pop();
    else this.points = this.polygons.pop() ?? [];
  }

  clear() {
    this.polygons = [];
    this.points = [];
  }

  /**
   * Move a corner of a finished polygon, unless its sides would cross.
   * @param {number} polygon index
   * @param {number} corner index
   * @param {Point} to
   */
  move(polygon, corner, to) {
    const moved = this.polygons[polygon].map((point, index) => (index === corner ? rounded(to) : point));
    if (!faultOf(moved)) this.polygons[polygon] = moved;
  }

  /** @returns {boolean} nothing is drawn */
  get isEmpty() {
    return !this.polygons.length && !this.points.length;
  }
}

/**
 * Return the lines of a cameras document, to be pasted below the line of a camera's id.
 * @param {Point[][]} polygons
 */
export function yamlLines(polygons) {
  const lines = polygons.map((points) => `[${points.map(([x, y]) => `[${x}, ${y}]`).join(", ")}]`);
  if (lines.length < 2) return `    masks: [${lines.join("")}]\n`;
  return `    masks:\n${lines.map((line) => `      - ${line}\n`).join("")}`;
}

/**
 * Return a point in three digits, and on the picture's edge if it is near.
 * @param {Point} point
 * @returns {Point}
 */
export function rounded([x, y]) {
  return [fraction(x), fraction(y)];
}

/** @param {number} value */
function fraction(value) {
  if (!(value > EDGE)) return 0;
  return value > 1 - EDGE ? 1 : Number(value.toFixed(DIGITS));
}

/**
 * @param {Point[]} points
 * @returns {string}
 */
function faultOf(points) {
  if (crosses(points, { closed: true })) return "Sides may not cross or touch.";
  const doubled = points.reduce((sum, [x, y], index) => {
    const [u, v] = points[(index + 1) % points.length];
    return sum + x * v - u * y;
  }, 0);
  return Math.abs(doubled) < 1e-6 ? "The points lie on one line." : "";
}

/**
 * Return whether sides of a polygon cross or touch, other than neighbours at their common corner.
 * @param {Point[]} points
 * @param {{ closed: boolean }} options closed: the last point is joined to the first
 */
function crosses(points, { closed }) {
  const count = closed ? points.length : points.length - 1;
  /** @param {number} index */
  const side = (index) => /** @type {const} */ ([points[index], points[(index + 1) % points.length]]);
  for (let one = 0; one < count; one++) {
    for (let other = one + 1; other < count; other++) {
      const [[a, b], [c, d]] = [side(one), side(other)];
      const next = other === one + 1;
      const around = closed && one === 0 && other === count - 1;
      if (next || around) {
        const [corner, back, forth] = next ? [b, a, d] : [a, b, c];
        if (turnsBack(corner, back, forth)) return true;
      } else if (meet(a, b, c, d)) return true;
    }
  }
  return false;
}

/**
 * Return whether two sides at a corner lie upon each other.
 * @param {Point} corner
 * @param {Point} back
 * @param {Point} forth
 */
function turnsBack(corner, back, forth) {
  const along = (back[0] - corner[0]) * (forth[0] - corner[0]) + (back[1] - corner[1]) * (forth[1] - corner[1]);
  return turn(back, corner, forth) === 0 && along > 0;
}

/**
 * Return whether two lines have a point in common.
 * @param {Point} a
 * @param {Point} b
 * @param {Point} c
 * @param {Point} d
 */
function meet(a, b, c, d) {
  const turns = [turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b)];
  if (turns[0] !== turns[1] && turns[2] !== turns[3]) return true;
  return [c, d].some((point) => between(a, b, point)) || [a, b].some((point) => between(c, d, point));
}

/**
 * @param {Point} a
 * @param {Point} b
 * @param {Point} point
 */
function between(a, b, point) {
  const inside = [0, 1].every(
    (axis) => Math.min(a[axis], b[axis]) <= point[axis] && point[axis] <= Math.max(a[axis], b[axis]),
  );
  return turn(a, b, point) === 0 && inside;
}

/**
 * Return to which side the way from a by b to c turns: -1, 0 or 1.
 * @param {Point} a
 * @param {Point} b
 * @param {Point} c
 */
function turn(a, b, c) {
  const area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
  return Math.abs(area) < 1e-9 ? 0 : Math.sign(area);
}
