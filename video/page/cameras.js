// What the page knows of each camera, and which one it shows large.

/** @import { Head } from "./frame.js" */
/** @import { CameraStatus, Ledger } from "./status.js" */

/**
 * @typedef {object} Frame a picture that is being decoded or drawn
 * @property {WebSocket} socket over which it came
 * @property {string} acknowledgement the message to send when it is shown or given up
 * @property {Head} head
 * @property {Blob} jpeg
 * @property {ImageBitmap} [bitmap] once it is decoded
 */
/**
 * @typedef {object} Camera
 * @property {string} id
 * @property {CameraStatus | null} status
 * @property {HTMLCanvasElement | null} thumb
 * @property {Frame | null} next waits to be decoded
 * @property {boolean} decoding
 * @property {Frame | null} ready waits for the screen's next refresh
 * @property {Head | null} head of the picture shown last
 * @property {number} shownMs local time of the picture shown last
 * @property {number} thumbMs local time of the thumbnail drawn last
 * @property {number} acknowledgedMs local time of the last acknowledgement
 * @property {number[]} times local times of the pictures shown, repeats excluded
 * @property {[number, number][]} ages local time and age in ms of the pictures shown
 * @property {(number | null)[]} ageLine
 * @property {(number | null)[]} fpsLine
 * @property {{ atMs: number, ledger: Ledger }[]} ledgers
 * @property {number} broken pictures that could not be shown
 */

const FORGOTTEN_AFTER_MS = 3000; // a camera that has pictures but no status

/** The cameras by id; one of them is selected. */
export class Cameras {
  constructor() {
    /** @type {Map<string, Camera>} */
    this.byId = new Map();
    /** @type {string | null} */
    this.selectedId = null;
    /** @type {string | null} The camera in the address; it may not exist (yet). */
    this.wantedId = null;
  }

  get size() {
    return this.byId.size;
  }

  /** @returns {Camera | undefined} */
  get selected() {
    return this.selectedId === null ? undefined : this.byId.get(this.selectedId);
  }

  /** @returns {Camera[]} sorted by id */
  ordered() {
    return [...this.byId.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
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
   * Select the wanted camera if it exists; otherwise keep the selected one, or select the first.
   * @returns {boolean} whether another camera is selected now
   */
  choose() {
    const before = this.selectedId;
    const candidates = [this.wantedId, this.selectedId, this.ordered()[0]?.id ?? null];
    this.selectedId = candidates.find((id) => id !== null && this.byId.has(id)) ?? null;
    return this.selectedId !== before;
  }

  /**
   * Return the id of the camera `step` places after the selected one; the order wraps around.
   * @param {number} step
   * @returns {string | null}
   */
  neighbour(step) {
    const ids = this.ordered().map((camera) => camera.id);
    const at = ids.indexOf(this.selectedId ?? "");
    return ids.length ? ids[(at + step + ids.length) % ids.length] : null;
  }
}

/**
 * @param {string} id
 * @returns {Camera}
 */
function emptyCamera(id) {
  return {
    id,
    status: null,
    thumb: null,
    next: null,
    decoding: false,
    ready: null,
    head: null,
    shownMs: 0,
    thumbMs: 0,
    acknowledgedMs: 0,
    times: [],
    ages: [],
    ageLine: [],
    fpsLine: [],
    ledgers: [],
    broken: 0,
  };
}
