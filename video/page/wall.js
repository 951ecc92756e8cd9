// The wall: all cameras in a grid that fits the window. What is out of view gets no pictures.

/** @import { Pictures } from "./picture.js" */
/** @import { Shown } from "./watch.js" */
/** @import { View } from "./view.js" */
import { byId, KeyedList, mark, text } from "./document.js";
import { bestGrid, neighbourTile } from "./grid.js";
import { createTile, updateTile } from "./tile.js";
import { short } from "./words.js";

const GAP = 14; // CSS pixels, as in wall.css
const GAP_OF_PHONES = 8;
const NARROW = 720; // CSS pixels: a telephone
const CAPTION = 30; // the line below a picture, as in wall.css
const LEAST_WIDTH = 150; // of a tile; if that does not fit, the wall scrolls
const DEFAULT_ASPECT = 16 / 9;
const WIDEST = 4; // width / height; a picture beyond that does not shape the grid
const SOON = "120px"; // tiles that are that near get pictures before they are scrolled into view

/** The tiles of all cameras that the filter lets through. */
export class Wall {
  /**
   * @param {Pictures} pictures
   * @param {{ open: (camera: string) => void, onViewChange: () => void }} handlers onViewChange: other tiles are in view
   */
  constructor(pictures, { open, onViewChange }) {
    this.pictures = pictures;
    this.open = open;
    this.root = byId("wall");
    this.columns = 1;
    this.width = 0;
    /** @type {Set<string>} ids of the cameras in view */
    this.inView = new Set();
    this.list = new KeyedList(
      byId("tiles"),
      (/** @type {import("./tile.js").Item} */ item) => this.create(item),
      updateTile,
    );
    this.list.onRemove = (key, { canvas }) => this.removed(key, canvas);
    this.observer = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) this.note(entry);
        onViewChange();
      },
      { root: this.root, rootMargin: SOON },
    );
  }

  /**
   * @param {View} view
   * @param {{ nowMs: number, live: boolean }} moment
   */
  render({ cameras, clock }, { nowMs, live }) {
    const { filter } = cameras.address;
    const shown = cameras.filtered();
    this.arrange(
      shown.map(({ status, head }) => aspectOf(status?.width || head?.width, status?.height || head?.height)),
    );
    this.list.show(shown.map((camera) => ({ key: camera.id, camera, clock, nowMs, filter, live })));
    const nothing = byId("nothing");
    nothing.hidden = shown.length > 0;
    text(nothing, cameras.size ? `No camera matches “${short(filter)}”.` : "No camera yet.");
  }

  /**
   * Fit the grid to the window.
   * @param {number[]} aspects
   */
  arrange(aspects) {
    const { clientWidth: width, clientHeight: height } = this.root;
    if (!width || !height) return;
    const gap = innerWidth < NARROW ? GAP_OF_PHONES : GAP;
    const grid = bestGrid(aspects, { width, height, gap, caption: CAPTION, least: LEAST_WIDTH });
    this.columns = grid.columns;
    this.width = grid.width;
    mark(this.root, "data-scrolls", grid.scrolls ? "" : null);
    for (const [name, value] of Object.entries({
      "--columns": String(grid.columns),
      "--tile-width": `${grid.width}px`,
      "--tile-height": `${grid.height}px`,
    })) {
      if (this.root.style.getPropertyValue(name) !== value) this.root.style.setProperty(name, value);
    }
  }

  /** @returns {Shown[]} the tiles in view */
  get shown() {
    return [...this.inView].sort().map((id) => ({ id, width: this.width }));
  }

  /**
   * Move the focus to the tile of a camera, or to the first one.
   * @param {string | null} [id]
   */
  focus(id = null) {
    const tile = this.list.parts.get(id ?? "") ?? [...this.list.parts.values()][0];
    tile?.open.focus();
  }

  /**
   * Move the focus from tile to tile.
   * @param {string} key of the keyboard
   */
  step(key) {
    const tiles = /** @type {HTMLAnchorElement[]} */ ([...this.root.querySelectorAll(".tile")]);
    const focused = document.activeElement;
    const at = focused instanceof HTMLAnchorElement ? tiles.indexOf(focused) : -1;
    tiles[at < 0 ? 0 : neighbourTile(at, key, { columns: this.columns, count: tiles.length })]?.focus();
  }

  /** @param {import("./tile.js").Item} item */
  create(item) {
    const parts = createTile(item);
    parts.open.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return; // the browser opens a tab
      event.preventDefault();
      this.open(item.key);
    });
    this.pictures.addTile(item.key, parts.canvas);
    this.observer.observe(parts.canvas);
    return parts;
  }

  /**
   * @param {string} camera
   * @param {HTMLCanvasElement} canvas
   */
  removed(camera, canvas) {
    this.observer.unobserve(canvas);
    this.inView.delete(camera);
    this.pictures.removeTile(camera);
  }

  /** @param {IntersectionObserverEntry} entry */
  note({ target, isIntersecting }) {
    const camera = target.closest("[data-camera]")?.getAttribute("data-camera");
    if (camera == null) return;
    if (isIntersecting) this.inView.add(camera);
    else this.inView.delete(camera);
  }
}

/**
 * @param {number | null | undefined} width
 * @param {number | null | undefined} height
 */
function aspectOf(width, height) {
  if (!width || !height) return DEFAULT_ASPECT;
  return Math.min(WIDEST, Math.max(1 / WIDEST, width / height));
}
