// What the page knows of each camera, and which of them it shows.

/** @import { Address } from "./address.js" */
/** @import { Head } from "./frame.js" */
/** @import { CameraStatus, Ledger } from "./status.js" */
import { matches } from "./filter.js";

/**
 * @typedef {object} Camera
 * @property {string} id
 * @property {CameraStatus | null} status
 * @property {Head | null} head of the picture shown last
 * @property {number} shownMs local time of the picture shown last
 * @property {number} shown pictures shown so far
 * @property {number} browserMs from the arrival of the picture shown last until it was drawn
 * @property {number[]} times local times of the pictures shown, repeats excluded
 * @property {[number, number][]} ages local time and age in ms of the pictures shown
 * @property {(number | null)[]} ageLine
 * @property {(number | null)[]} fpsLine
 * @property {{ atMs: number, ledger: Ledger }[]} ledgers
 * @property {number} broken pictures that could not be shown
 */

const FORGOTTEN_AFTER_MS = 3000; // a camera that has pictures but no status

const order = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/** The cameras by id, and what the address selects of them: all on the wall, or one. */
export class Cameras {
  constructor() {
    /** @type {Map<string, Camera>} */
    this.byId = new Map();
    /** @type {Address} */
    this.address = { view: "auto", camera: null, filter: "" };
    /** @type {string | null} null on the wall */
    this.selectedId = null;
    this.onWall = false;
  }

  get size() {
    return this.byId.size;
  }

  /** @returns {Camera | undefined} */
  get selected() {
    return this.selectedId === null ? undefined : this.byId.get(this.selectedId);
  }

  /** @returns {Camera[]} sorted by name: file 2 comes before file 10 */
  ordered() {
    return [...this.byId.values()].sort(
      (one, other) => order.compare(nameOf(one), nameOf(other)) || (one.id < other.id ? -1 : 1),
    );
  }

  /** @returns {Camera[]} those that the filter lets through, sorted */
  filtered() {
    const { filter } = this.address;
    return this.ordered().filter(({ id, status }) =>
      matches({ id, title: status?.title ?? null, tags: status?.tags ?? [] }, filter),
    );
  }

  /**
   * Return a camera; create it if it is unknown.
   * @param {string} id
   * @returns {Camera}
   */
  known(id) {
    const known = this.byId.get(id);
    if (known) return known;
    const camera = emptyCamera(id);
    this.byId.set(id, camera);
    return camera;
  }

  /**
   * Update the cameras from a status.
   * @param {CameraStatus[]} reported
   * @param {number} nowMs local time
   * @returns {Camera[]} the cameras that were removed
   */
  update(reported, nowMs) {
    for (const status of reported) this.known(status.id).status = status;
    const present = new Set(reported.map((status) => status.id));
    const gone = [...this.byId.values()].filter(
      (camera) => !present.has(camera.id) && (camera.status || nowMs - camera.shownMs > FORGOTTEN_AFTER_MS),
    );
    for (const camera of gone) this.byId.delete(camera.id);
    return gone;
  }

  /**
   * Choose what is shown: what the address names; without a view in it, the wall if there are several cameras. A camera
   * that is named and not there is replaced by the one shown before, or by the first.
   * @returns {boolean} whether something else is shown now
   */
  choose() {
    const before = [this.onWall, this.selectedId];
    const { view, camera } = this.address;
    this.onWall = view === "wall" || (view === "auto" && this.size > 1);
    const candidates = this.onWall ? [] : [camera, this.selectedId, this.ordered()[0]?.id ?? null];
    this.selectedId = candidates.find((id) => id !== null && this.byId.has(id)) ?? null;
    return this.onWall !== before[0] || this.selectedId !== before[1];
  }

  /**
   * Return the id of the camera `step` places after the selected one, of those that the filter lets through; the order
   * wraps around.
   * @param {number} step
   * @returns {string | null}
   */
  neighbour(step) {
    const ids = this.filtered().map((camera) => camera.id);
    const at = ids.indexOf(this.selectedId ?? "");
    return ids.length ? ids[(at + step + ids.length) % ids.length] : null;
  }
}

/**
 * Return what a camera is called: its title, or its id.
 * @param {Camera} camera
 */
export function nameOf({ id, status }) {
  return status?.title || id;
}

/**
 * @param {string} id
 * @returns {Camera}
 */
function emptyCamera(id) {
  return {
    id,
    status: null,
    head: null,
    shownMs: 0,
    shown: 0,
    browserMs: 0,
    times: [],
    ages: [],
    ageLine: [],
    fpsLine: [],
    ledgers: [],
    broken: 0,
  };
}
