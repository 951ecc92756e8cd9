// Draws polygons over the picture of a camera, with the mouse, a finger or the keyboard, and copies their lines for the
// cameras document.

/** @import { Camera } from "./cameras.js" */
/** @import { Point } from "./masks.js" */
import { copyFrom } from "./clipboard.js";
import { announce, byId, mark, text } from "./document.js";
import { Masks, rounded, yamlLines } from "./masks.js";
import { fixed } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const NEAR_PX = 12; // a click that near to a point means the point
const STEP = 0.01; // of an arrow key, of the picture
const LARGE_STEP = 0.05; // with Shift
const KEYS = /** @type {Record<string, Point>} */ ({
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
});

/** The drawing over the picture, and the bar below it. */
export class MaskEditor {
  constructor() {
    this.masks = new Masks();
    this.layer = /** @type {SVGSVGElement} */ (/** @type {unknown} */ (document.getElementById("mask-layer")));
    /** @type {string | null} */
    this.camera = null;
    /** @type {string | null} the camera of the picture below */
    this.shown = null;
    this.aspect = 16 / 9;
    /** @type {Point} the keyboard's cursor */
    this.cursor = [0.5, 0.5];
    /** @type {{ polygon: number, corner: number } | null} */
    this.dragged = null;
    this.layer.addEventListener("pointerdown", (event) => this.press(event));
    this.layer.addEventListener("pointermove", (event) => this.drag(event));
    this.layer.addEventListener("pointerup", () => this.drop());
    this.layer.addEventListener("pointercancel", () => this.drop());
    this.layer.addEventListener("dblclick", (event) => event.stopPropagation()); // would fill the screen
    for (const kind of ["touchstart", "touchend"]) {
      this.layer.addEventListener(kind, (event) => event.stopPropagation(), { passive: true }); // is no swipe
    }
    this.layer.addEventListener("keydown", (event) => this.key(event));
    byId("mask").addEventListener("click", () => (this.camera === null ? this.open() : this.close()));
    byId("mask-close").addEventListener("click", () => this.say(this.masks.close()));
    byId("mask-undo").addEventListener("click", () => this.undo());
    byId("mask-clear").addEventListener("click", () => this.clear());
    byId("mask-done").addEventListener("click", () => this.close());
    byId("mask-copy").addEventListener("click", ({ currentTarget }) => {
      if (currentTarget instanceof HTMLElement) copyFrom(yamlLines(this.masks.polygons), currentTarget);
    });
    new ResizeObserver(() => this.draw()).observe(byId("stage"));
  }

  get isOpen() {
    return this.camera !== null;
  }

  /**
   * Follow the camera that is shown; another one ends the drawing.
   * @param {Camera | undefined} camera
   */
  render(camera) {
    byId("mask").hidden = !camera?.head;
    const [width, height] = [camera?.head?.width ?? 0, camera?.head?.height ?? 0];
    if (width && height && Math.abs(width / height - this.aspect) > 1e-3) {
      this.aspect = width / height;
      this.draw();
    }
    this.shown = camera?.id ?? null;
    if (this.camera !== null && this.camera !== this.shown) this.close();
  }

  /** Start drawing over the camera that is shown; what was drawn before is gone. */
  open() {
    if (this.isOpen || !this.shown) return;
    this.camera = this.shown;
    this.masks = new Masks();
    this.cursor = [0.5, 0.5];
    this.toggle(true);
    this.say("");
    this.layer.focus();
  }

  close() {
    if (!this.isOpen) return;
    this.camera = null;
    this.toggle(false);
    byId("mask").focus();
  }

  /** @param {boolean} open */
  toggle(open) {
    mark(this.layer, "hidden", open ? null : "");
    byId("mask-bar").hidden = !open;
    mark(byId("mask"), "aria-expanded", String(open));
  }

  undo() {
    this.masks.undo();
    this.say("");
  }

  clear() {
    this.masks.clear();
    this.say("");
  }

  /** @param {PointerEvent} event */
  press(event) {
    if (event.button !== 0) return;
    const point = this.pointOf(event);
    this.cursor = rounded(point);
    this.dragged = this.cornerAt(point);
    if (this.dragged) {
      this.layer.setPointerCapture(event.pointerId);
      return;
    }
    const [first] = this.masks.points;
    const closes = this.masks.points.length > 2 && this.isNear(first, point);
    this.say(closes ? this.masks.close() : this.masks.add(point));
  }

  /** @param {PointerEvent} event */
  drag(event) {
    if (!this.dragged) return;
    this.masks.move(this.dragged.polygon, this.dragged.corner, this.pointOf(event));
    this.say("");
  }

  drop() {
    this.dragged = null;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = Object.hasOwn(KEYS, event.key) ? KEYS[event.key] : null;
    if (arrow) this.moveCursor(arrow, event.shiftKey ? LARGE_STEP : STEP);
    else if (event.key === " ") this.say(this.masks.add(this.cursor) || `Point ${this.masks.points.length}.`);
    else if (event.key === "Enter") this.say(this.masks.close() || `Polygon ${this.masks.polygons.length} is closed.`);
    else if (event.key === "Backspace" || event.key === "Delete") this.undo();
    else if (event.key === "Escape") this.close();
    else return;
    event.preventDefault();
  }

  /**
   * @param {Point} direction
   * @param {number} step
   */
  moveCursor([x, y], step) {
    const [left, top] = this.cursor;
    this.cursor = [clamped(left + x * step), clamped(top + y * step)];
    const place = this.cursor.map((value) => fixed(value * 100, 0)).join(", ");
    announce(place);
    this.draw();
  }

  /**
   * Show the drawing, and a sentence about it.
   * @param {string} sentence
   */
  say(sentence) {
    const { points, polygons } = this.masks;
    const first = "Click or tap the corners of what is to be covered; a click on the first corner closes the polygon.";
    const more = polygons.length ? "Drag a corner to move it, or draw another polygon." : first;
    text(
      byId("mask-hint"),
      sentence || (points.length ? `${points.length} ${points.length > 1 ? "points" : "point"}.` : more),
    );
    if (sentence) announce(sentence);
    text(byId("mask-yaml"), polygons.length ? yamlLines(polygons) : "");
    byId("mask-yaml").hidden = byId("mask-copy").hidden = !polygons.length;
    this.draw();
  }

  draw() {
    if (!this.isOpen) return;
    const { left, top, width, height } = this.area();
    Object.assign(this.layer.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
    this.layer.setAttribute("viewBox", `0 0 ${width} ${height}`);
    /** @param {Point} point */
    const at = ([x, y]) => `${(x * width).toFixed(1)},${(y * height).toFixed(1)}`;
    const { polygons, points } = this.masks;
    const shapes = polygons.map((corners) => shape("polygon", { class: "closed", points: corners.map(at).join(" ") }));
    if (points.length) shapes.push(shape("polyline", { class: "open", points: points.map(at).join(" ") }));
    for (const [x, y] of [...polygons.flat(), ...points]) {
      shapes.push(shape("circle", { cx: x * width, cy: y * height, r: 4.5 }));
    }
    const [x, y] = [this.cursor[0] * width, this.cursor[1] * height];
    shapes.push(shape("path", { class: "cursor", d: `M${x - 11} ${y}h22M${x} ${y - 11}v22` }));
    this.layer.replaceChildren(...shapes);
  }

  /** @returns {{ left: number, top: number, width: number, height: number }} of the picture in the stage, CSS pixels */
  area() {
    const { clientWidth, clientHeight } = byId("stage");
    const width = Math.min(clientWidth, clientHeight * this.aspect);
    const height = width / this.aspect;
    return { left: (clientWidth - width) / 2, top: (clientHeight - height) / 2, width, height };
  }

  /**
   * @param {PointerEvent} event
   * @returns {Point}
   */
  pointOf({ clientX, clientY }) {
    const box = this.layer.getBoundingClientRect();
    return [clamped((clientX - box.left) / box.width), clamped((clientY - box.top) / box.height)];
  }

  /** @param {Point} point */
  cornerAt(point) {
    for (const [polygon, corners] of this.masks.polygons.entries()) {
      const corner = corners.findIndex((one) => this.isNear(one, point));
      if (corner >= 0) return { polygon, corner };
    }
    return null;
  }

  /**
   * @param {Point} one
   * @param {Point} other
   */
  isNear([x, y], [u, v]) {
    const { width, height } = this.area();
    return Math.hypot((x - u) * width, (y - v) * height) <= NEAR_PX;
  }
}

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 */
function shape(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

/** @param {number} value */
function clamped(value) {
  return Math.min(1, Math.max(0, value));
}
